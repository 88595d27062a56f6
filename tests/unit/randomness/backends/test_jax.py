"""JAX draws the definition's bits, traced or not; in a process of its own, because JAX keeps threads and settings."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is optional")

PROGRAM = """
import jax, numpy as np
jax.config.update("jax_enable_x64", {wide})
from functools import partial
from steadygrad.errors import InputError
from steadygrad.randomness.backends import jax as backend, numpy as definition
from steadygrad.randomness.law import constant, normal, rademacher, truncated_normal, uniform

laws = [normal(0.7), normal(0.02, 1.5), uniform(-0.3, 0.9), truncated_normal(0.5), truncated_normal(0.5, 0.25, lower=-1.0), rademacher(0.3), constant(0.1)]
for law in laws:
    for dtype in definition.DTYPES:
        if dtype == "float64" and not {wide}:
            try:
                backend.draw(law, 3, dtype, name="w")
            except InputError as error:
                assert "must be in 64-bit mode to draw float64, got jax_enable_x64 = False" in str(error)
                continue
            raise AssertionError("float64 drawn in 32 bits")
        for shape, start, seed in (((3, 700), 0, 0), (300, 2**40 - 5, 2**64 - 1), (9, 77, 3)):
            call = partial(backend.draw, law, shape, dtype, name="layers.3.weight", seed=seed, start=start)
            expected = definition.draw(law, shape, dtype, name="layers.3.weight", seed=seed, start=start).tobytes()
            assert np.asarray(call()).tobytes() == expected, (law, dtype, shape)
            if start == 77:
                assert np.asarray(jax.jit(call)()).tobytes() == expected, ("jit", law, dtype)
try:
    backend.draw(laws[0], 3, "int8", name="w")
except InputError as error:
    assert "must be one of float16, bfloat16, float32, float64, got 'int8'" in str(error)
else:
    raise AssertionError("int8 drawn")
print("same")
"""


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("wide", [False, True])
def test_bits_are_the_definitions(wide: bool) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(wide=wide)], capture_output=True, text=True, timeout=300)
    assert done.stdout == "same\n", done.stderr[-2000:]


def test_without_jax_the_message_says_what_to_install() -> None:
    program = "import sys; sys.modules['jax'] = None; import steadygrad.randomness.backends.jax"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)
    assert "MissingExtra: drawing JAX arrays needs jax" in done.stderr and "pip install jax" in done.stderr
