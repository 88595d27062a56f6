"""Torch's integer operations draw the definition's bits, eager and compiled, in every type, wherever a part begins."""

import numpy as np
import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.randomness import householder
from steadygrad.randomness.backends import numpy as definition
from steadygrad.randomness.backends import torch as backend
from steadygrad.randomness.law import constant, normal, rademacher, truncated_normal, uniform
from steadygrad.randomness.quantile import inverse_normal
from steadygrad.randomness.stream import key

LAWS = {
    "normal": normal(0.7),
    "shifted": normal(0.02, 1.5),
    "uniform": uniform(-0.3, 0.9),
    "truncated": truncated_normal(0.5),
    "uneven": truncated_normal(0.5, 0.25, lower=-1.0),
    "signs": rademacher(0.3),
    "constant": constant(0.1),
}


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("dtype", backend.TYPES, ids=str)
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_bits_are_the_definitions(law, dtype) -> None:
    for start, count, seed in ((0, 4099, 0), (77, 1, 2**64 - 1), (2**40 - 5, 300, 3)):
        drawn = torch.empty(count, dtype=dtype)
        backend.fill(drawn, law, name="layers.3.weight", seed=seed, start=start)
        expected = definition.draw(law, count, str(dtype)[6:], name="layers.3.weight", seed=seed, start=start)
        assert bits(drawn) == expected.tobytes()


def test_far_tails_and_octave_edges() -> None:
    words = np.array([0, 1, 2, 3, 2**31 - 1, 2**31, 2**32 - 1, *(2**k + d for k in range(2, 32) for d in (-1, 0, 1))], np.uint64)
    segments = torch.from_numpy(backend.table().view(np.int64).copy())
    assert backend.inverse_normal(segments, torch.from_numpy(words.view(np.int64))).tolist() == inverse_normal(words).tolist()


def test_chunks_do_not_show(monkeypatch) -> None:
    whole, pieces = torch.empty(1000), torch.empty(1000)
    backend.fill(whole, normal(1.0), name="w", seed=0)
    monkeypatch.setattr(backend, "CHUNK", 130)
    backend.fill(pieces, normal(1.0), name="w", seed=0)
    assert torch.equal(whole, pieces)


@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64])
def test_other_types_are_refused(dtype) -> None:
    with pytest.raises(InputError, match=f"must be float16, bfloat16, float32 or float64, got {dtype}"):
        backend.fill(torch.empty(3, dtype=dtype), normal(1.0), name="w", seed=0)


COMPILED = {"normal": "bfloat16", "shifted": "float32", "uniform": "float64", "truncated": "float16", "uneven": "float32", "signs": "float64"}
"""Each law and each type once: half a minute to compile each, and a type only rounds what the law has made."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dtype"), COMPILED.items())
def test_compiled(name: str, dtype: str) -> None:
    segments, law = torch.from_numpy(backend.table().view(np.int64).copy()), LAWS[name]
    torch._dynamo.reset()  # what was compiled for other laws is not tried first
    compiled = torch.compile(backend.entries, fullgraph=True)
    drawn = compiled(segments, law, 5, 4000, key("w"), 9, getattr(torch, dtype))
    assert bits(drawn) == definition.draw(law, 4000, dtype, name="w", seed=9, start=5).tobytes()


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 5), (64, 64), (130, 700), (600, 600)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_orthonormal_is_the_definitions_to_rounding(n: int, m: int, dtype: type) -> None:
    normals = np.random.default_rng(0).standard_normal((n, m)).astype(dtype)
    here, there = backend.orthonormal(normals), householder.orthonormal(normals)
    assert here.dtype == dtype and here.shape == (m, n)
    bound = 8 * n**0.5 * np.finfo(dtype).eps  # n reflections, each of which rounds a unit vector by a few eps
    assert np.abs(here - there).max() <= bound
    assert np.abs(here.T @ here - np.eye(n)).max() <= bound


def test_orthonormal_has_the_same_bits_on_any_number_of_threads() -> None:
    normals, threads = np.random.default_rng(0).standard_normal((700, 900)).astype(np.float32), torch.get_num_threads()
    drawn = set()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            drawn.add(backend.orthonormal(normals).tobytes())
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert len(drawn) == 1
