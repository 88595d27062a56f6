"""The C kernel draws the definition's bits, at every instruction set, for every law and type, wherever a part begins."""

import numpy as np
import pytest

from steadygrad.randomness import stream
from steadygrad.randomness.backends import c
from steadygrad.randomness.backends import numpy as definition
from steadygrad.randomness.law import normal, rademacher, truncated_normal, uniform

LAWS = {
    "normal": normal(0.7),
    "shifted": normal(0.02, 1.5),
    "uniform": uniform(-0.3, 0.9),
    "truncated": truncated_normal(0.5),
    "uneven": truncated_normal(0.5, 0.25, lower=-1.0),
    "signs": rademacher(0.3),
}
needs_kernel = pytest.mark.skipif(c.prepared(2) is None, reason="built without the kernel: the definition draws")


@needs_kernel
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("dtype", definition.DTYPES)
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_bits_are_the_definitions(monkeypatch, law, dtype, level) -> None:
    kernel = c.prepared.__wrapped__(level)
    monkeypatch.setattr(c, "prepared", lambda most: kernel)
    drawn, defined = (np.zeros((3, 4099), definition.storage(dtype)) for _ in range(2))
    for start, stride in ((0, 4099), (7, 5001), (2**33 - 5, 4099)):
        c.fill(drawn, law, dtype, name="layers.3.weight", seed=2**40 + 1, start=start, stride=stride, threads=2)
        definition.fill(defined, law, dtype, name="layers.3.weight", seed=2**40 + 1, start=start, stride=stride)
        assert drawn.tobytes() == defined.tobytes()


@needs_kernel
def test_threads_do_not_change_bits() -> None:
    one, many = np.zeros((1, 1 << 20), np.float32), np.zeros((1, 1 << 20), np.float32)
    c.fill(one, normal(1.0), "float32", name="w", seed=3, threads=1)
    c.fill(many, normal(1.0), "float32", name="w", seed=3, threads=5)
    assert one.tobytes() == many.tobytes()


@pytest.mark.parametrize("scale", [2.0**-140, 2.0**120])
def test_scales_whose_products_are_subnormal_or_overflow_are_left_to_the_definition(scale: float) -> None:
    drawn, defined = np.zeros((1, 999), np.float32), np.zeros((1, 999), np.float32)
    c.fill(drawn, normal(scale), "float32", name="w", seed=0)
    definition.fill(defined, normal(scale), "float32", name="w", seed=0)
    assert drawn.tobytes() == defined.tobytes()


@pytest.mark.parametrize("start", [0, 77, 1 << 60])
def test_words_are_the_streams(start: int) -> None:
    assert (c.words("fc.weight", 3, start, 1000) == stream.words("fc.weight", 3, start, 1000)).all()
