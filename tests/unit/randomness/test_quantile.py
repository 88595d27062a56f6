"""The integer inverse of the normal distribution against SciPy, mpmath and itself."""

import math

import mpmath
import numpy as np
import pytest
from scipy.special import ndtri

from steadygrad.errors import SteadygradError
from steadygrad.randomness import quantile


def error(magnitude: np.ndarray) -> np.ndarray:
    z = quantile.inverse_normal(magnitude) / 2.0**28
    return np.abs(z + ndtri((2.0 * magnitude.astype(float) + 1.0) / 2.0**33))


def test_error_bound_on_edges_tail_and_samples() -> None:
    """Both sides of all 2048 segments, the whole tail of 2²⁰ magnitudes, and a stride through the rest.

    All 2³¹ magnitudes, once, outside this suite: see `quantile`'s docstring. 1e-13 is for SciPy's own rounding.
    """
    edges = [2 ** (31 - octave) * (64 + segment) // 64 // 2 for octave in range(32) for segment in range(64)]
    near = np.clip(np.add.outer(edges, np.arange(-2, 3)).ravel(), 0, 2**31 - 1).astype(np.uint64)
    tail = np.arange(2**20, dtype=np.uint64)
    rest = np.arange(0, 2**31, 4099, dtype=np.uint64)
    assert max(error(near).max(), error(tail).max(), error(rest).max()) < quantile.ERROR_BOUND + 1e-13


@pytest.mark.parametrize("magnitude", [0, 1, 77, 2**20, 2**30, 2**31 - 1])
def test_values_agree_with_mpmath(magnitude: int) -> None:
    with mpmath.workdps(30):
        tail = mpmath.mpf(2 * magnitude + 1) / 2**33
        exact = mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * tail)
    z = quantile.inverse_normal(np.array([magnitude], np.uint64))[0] / 2.0**28
    assert z == pytest.approx(float(exact), abs=quantile.ERROR_BOUND)


def test_monotone_across_segments_and_in_the_tail() -> None:
    tail = quantile.inverse_normal(np.arange(2**20, dtype=np.uint64))
    assert np.all(np.diff(tail) <= 0) and tail[0] == tail.max()
    edges = np.array(sorted({(2**31 >> o) * (64 + s) // 64 // 2 + d for o in range(26) for s in range(64) for d in (-1, 0)}))
    values = quantile.inverse_normal(np.clip(edges, 0, 2**31 - 1).astype(np.uint64))
    assert np.all(np.diff(values) <= 0) and values[-1] > 0


def test_flipping_the_top_bit_flips_the_sign() -> None:
    words = np.random.default_rng(0).integers(0, 2**32, 10_000, dtype=np.uint64)
    assert np.array_equal(quantile.inverse_normal(words ^ np.uint64(2**31)), -quantile.inverse_normal(words))


@pytest.mark.parametrize("bound", [0.01, 1.0, 2.0, 3.0, 6.0])
def test_truncation_keeps_what_lies_inside(bound: float) -> None:
    first = quantile.first_within(bound)
    assert first / 2.0**31 == pytest.approx(math.erfc(bound / math.sqrt(2.0)), abs=3e-8 + 2.0**-31)
    below = quantile.inverse_normal(np.array([first - 1, first], np.uint64)) / 2.0**28
    assert below[0] > bound >= below[1]
    ends = quantile.truncated(np.array([0, 2**31 - 1, 2**31, 2**32 - 1], np.uint64), -bound, bound)
    assert ends.tolist() == [first, 2**31 - 1, first + 2**31, 2**32 - 1]


def test_a_bound_beyond_the_largest_value_cuts_nothing() -> None:
    words = np.random.default_rng(0).integers(0, 2**32, 100, dtype=np.uint64)
    assert np.array_equal(quantile.truncated(words, -7.0, 7.0), words)


def test_a_changed_table_is_refused(tmp_path, monkeypatch) -> None:
    other = tmp_path / "inverse_normal.npy"
    other.write_bytes(quantile.PATH.read_bytes()[:-1] + b"\x00")
    monkeypatch.setattr(quantile, "PATH", other)
    with pytest.raises(SteadygradError, match=r"must have SHA-256 4ec5.*, got [0-9a-f]{64}; reinstall"):
        quantile.table.__wrapped__()


def test_the_table_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        quantile.table()[0] = 1
