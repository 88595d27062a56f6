"""Draws: laws, roundings, shards, and global generators left alone."""

import random

import numpy as np
import pytest
import torch
from scipy import stats

from steadygrad.errors import InputError
from steadygrad.randomness.backends.numpy import CHUNK, draw
from steadygrad.randomness.law import constant, normal, rademacher, truncated_normal, uniform
from steadygrad.randomness.quantile import inverse_normal
from steadygrad.randomness.stream import words

LAWS = {
    "normal": (normal(0.7, 0.1), stats.norm(0.1, 0.7)),
    "uniform": (uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
    "truncated_normal": (truncated_normal(0.5, 2.0), stats.truncnorm(-2.0, 2.0, scale=0.5)),
}
COUNT = 400_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAWS)
def test_moments_and_distribution(name: str, dtype: str) -> None:
    """Mean, variance, skewness and kurtosis within five standard errors, and Kolmogorov–Smirnov at p > 1e-6."""
    law, exact = LAWS[name]
    x = draw(law, COUNT, dtype, name="fc.weight", seed=11).astype(np.float64)
    centred = (x - exact.mean()) / exact.std()
    for power in (1, 2, 3, 4):
        expected = exact.expect(lambda t, p=power: ((t - exact.mean()) / exact.std()) ** p)
        assert np.mean(centred**power) == pytest.approx(expected, abs=5.0 * np.std(centred**power) / COUNT**0.5)
    assert law.std == pytest.approx(exact.std(), rel=1e-9)
    assert stats.kstest(x, exact.cdf).pvalue > 1e-6


@pytest.mark.parametrize("lag", [1, 32, 33, 128, 129])
def test_neighbours_are_uncorrelated(lag: int) -> None:
    x = draw(normal(1.0), COUNT, name="fc.weight", seed=5).astype(np.float64)
    assert np.mean(x[lag:] * x[:-lag]) == pytest.approx(0.0, abs=5.0 / (COUNT - lag) ** 0.5)


def test_rounding_is_as_defined() -> None:
    """Each conversion, product and sum rounded once; checked against exact rational arithmetic rounded by NumPy."""
    z = inverse_normal(words("w", 1, 0, 5000))
    single, double, half = (draw(normal(0.02, 0.3), 5000, d, name="w", seed=1) for d in ("float32", "float64", "float16"))
    product = (z.astype(np.float32).astype(np.float64) * 2.0**-28 * float(np.float32(0.02))).astype(np.float32)
    expected = (product.astype(np.float64) + float(np.float32(0.3))).astype(np.float32)
    assert np.array_equal(single, expected)
    assert np.array_equal(half, single.astype(np.float16))
    assert np.array_equal(double, z * 2.0**-28 * 0.02 + 0.3)


def test_values_that_never_change() -> None:
    """The definition, frozen: these bits may not move in any release, on any machine."""
    frozen = [3184123420, 1048922962, 3197475282, 3219305629, 1060040898, 3216013514]
    assert draw(normal(1.0), 6, name="fc.weight", seed=0).view(np.uint32).tolist() == frozen
    frozen = [1064035889, 3193066508, 1061496839]
    assert draw(uniform(-1.0, 1.0), 3, name="fc.weight", seed=0).view(np.uint32).tolist() == frozen


FROZEN = {
    ("normal", "float32"): "1cdec9bd524b853ed29995be9db4e2bf",
    ("normal", "float64"): "00000090c33bb9bf0000003c6aa9d03f0000004c3ab3d2bf000000979356fcbf",
    ("normal", "float16"): "4fae2a34adb416bf",
    ("normal", "bfloat16"): "cabd853e96bee3bf",
    ("uniform", "float32"): "31e66b3f0c5452be0728453fe8bf9c3d",
    ("uniform", "float64"): "00002003c67ced3f00008015814acabf000020c600a5e83f000000b5fd97b33f",
    ("uniform", "float16"): "5f3b93b2293ae62c",
    ("uniform", "bfloat16"): "6c3f52be453f9d3d",
    ("truncated", "float32"): "a2a7c0bd35337e3e559c8ebe69cac7bf",
    ("truncated", "float64"): "00000030f414b8bf000000a066c6cf3f000000a08ad3d1bf000000184df9f8bf",
    ("truncated", "float16"): "05aef23375b43ebe",
    ("truncated", "bfloat16"): "c1bd7e3e8fbec8bf",
    ("uneven", "float32"): "a27cd23d99505cbeadb0773d83a807be",
    ("uneven", "float64"): "00000050944fba3f0000002c138acbbf000000a015f6ae3f0000006410f5c0bf",
    ("uneven", "float16"): "942ee3b2be2b3db0",
    ("uneven", "bfloat16"): "d23d5cbe783d08be",
    ("signs", "float32"): "9a9999be9a99993e9a9999be9a9999be",
    ("signs", "float64"): "333333333333d3bf333333333333d33f333333333333d3bf333333333333d3bf",
    ("signs", "float16"): "cdb4cd34cdb4cdb4",
    ("signs", "bfloat16"): "9abe9a3e9abe9abe",
}
"""Four entries of each law and type, as little-endian bytes."""


@pytest.mark.parametrize(("law", "dtype"), FROZEN, ids="-".join)
def test_every_law_and_type_is_frozen(law: str, dtype: str) -> None:
    laws = {
        "normal": normal(1.0), "uniform": uniform(-1.0, 1.0), "truncated": truncated_normal(1.0),
        "uneven": truncated_normal(0.5, 0.25, lower=-1.0), "signs": rademacher(0.3),
    }  # fmt: skip
    assert draw(laws[law], 4, dtype, name="fc.weight", seed=0).tobytes().hex() == FROZEN[law, dtype]


def test_uniform_stays_inside_and_is_symmetric() -> None:
    x = draw(uniform(-1.0, 1.0), COUNT, name="w", seed=2)
    assert -1.0 < x.min() < -0.9999 and 0.9999 < x.max() < 1.0 and not np.any(x == 0.0)


def test_truncation_is_exact() -> None:
    x = draw(truncated_normal(1.0, 2.0), COUNT, name="w", seed=2)
    assert 1.999 < x.max() <= 2.0 and -2.0 <= x.min() < -1.999


def test_shards_are_parts_of_the_whole() -> None:
    """Also across the chunks that large tensors are drawn in."""
    count = CHUNK + 1000
    whole = draw(normal(1.0), count, name="w", seed=3)
    for start in (0, 1, 127, 5000, CHUNK - 3, CHUNK + 7):
        assert np.array_equal(draw(normal(1.0), count - start, name="w", seed=3, start=start), whole[start:])
    assert np.array_equal(draw(normal(1.0), (2, 500, 3), name="w", seed=3).ravel(), whole[:3000])


def test_constants_and_empty_tensors() -> None:
    assert draw(constant(0.25), (2, 2), name="b").tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert draw(normal(1.0), (0, 3), name="b").shape == (0, 3)
    assert draw(normal(1.0), (), name="b").shape == ()


def test_global_generators_are_left_alone() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    draw(truncated_normal(1.0), 1000, name="w", seed=4)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="`dtype` must be one of float16, bfloat16, float32, float64, got int32"):
        draw(normal(1.0), 3, "int32", name="w")
    with pytest.raises(InputError, match="`seed` must be an integer"):
        draw(constant(1.0), 3, name="w", seed=-1)
