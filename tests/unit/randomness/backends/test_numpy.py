"""Draws: laws, roundings, shards, and global generators left alone."""

import random

import numpy as np
import pytest
import torch
from scipy import stats

from steadygrad.errors import InputError
from steadygrad.randomness.backends.numpy import CHUNK, draw
from steadygrad.randomness.law import constant, normal, truncated_normal, uniform
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
