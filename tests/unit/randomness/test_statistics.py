"""A hundred million draws against their laws: distribution, tails, and independence of neighbours, names and seeds.

Everything is a pure function of seed and name, so each test passes or fails for good. Bounds: p-values above 1e-6 for each of some forty
tests, so that a correct generator fails one of them at a chance of 4e-5 over all choices of the seed.
"""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from steadygrad.randomness.assembly import draw
from steadygrad.randomness.backends import c
from steadygrad.randomness.law import Independent, normal, truncated_normal, uniform
from steadygrad.randomness.structured import orthogonal

pytestmark = pytest.mark.slow
TOTAL, CHUNK = 100_000_000, 4_000_000
LEAST = 1e-6
SIGMAS = 4.9  # two-sided 1e-6

LAWS: dict[str, tuple[Independent, object]] = {
    "normal": (normal(1.0), stats.norm()),
    "truncated": (truncated_normal(1.0), stats.truncnorm(-2.0, 2.0)),
    "uniform": (uniform(0.0, 1.0), stats.uniform()),
}


def chunks(law: Independent, name: str = "layers.0.weight", seed: int = 0, total: int = TOTAL) -> Iterator[np.ndarray]:
    row = np.empty((1, CHUNK))
    for start in range(0, total, CHUNK):
        c.fill(row, law, "float64", name=name, seed=seed, start=start)
        yield row[0]


@pytest.mark.parametrize("name", LAWS)
def test_every_part_of_the_range_is_hit_as_often_as_it_should(name: str) -> None:
    """χ² over 10,000 cells of equal probability, and Kolmogorov's distance on their edges."""
    law, exact = LAWS[name]
    cells = 10_000
    edges = exact.ppf(np.linspace(0.0, 1.0, cells + 1)[1:-1])
    counts = np.zeros(cells, np.int64)
    unit = _unit(law, name)
    for values in chunks(law):
        counts += np.bincount(np.searchsorted(edges, values / unit), minlength=cells)
    assert counts.sum() == TOTAL
    expected = TOTAL / cells
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert LEAST < stats.chi2.sf(chi2, cells - 1) < 1.0 - LEAST
    distance = float(np.abs(np.cumsum(counts) / TOTAL - np.arange(1, cells + 1) / cells).max())
    assert stats.kstwobign.sf(distance * math.sqrt(TOTAL)) > LEAST


def _unit(law: Independent, name: str) -> float:
    """What the law multiplies the standard one with."""
    return law.rms(()) / stats.truncnorm(-2.0, 2.0).std() if name == "truncated" else 1.0


def test_anderson_and_darling_on_exact_quantiles() -> None:
    """A² of ten million normals; its null distribution is below 9 with probability 1 − 5e-5, and every part of it is tested above."""
    values = np.sort(np.concatenate([part.copy() for part in chunks(normal(1.0), "fc.weight", 5, 8_000_000)]))
    count = len(values)
    low, high = stats.norm.logcdf(values), stats.norm.logsf(values[::-1])
    a2 = -count - float((((2 * np.arange(1, count + 1) - 1) / count) * (low + high)).sum())
    assert 0.0 < a2 < 9.0


@pytest.mark.parametrize("beyond", [3.0, 4.0, 5.0, 5.5])
def test_tails_are_as_heavy_as_a_normals(beyond: float) -> None:
    seen = sum(int((np.abs(values) > beyond).sum()) for values in chunks(normal(1.0)))
    expected = 2.0 * stats.norm.sf(beyond) * TOTAL
    assert stats.poisson.cdf(seen, expected) > LEAST and stats.poisson.sf(seen - 1, expected) > LEAST, (seen, expected)


def test_nothing_lies_beyond_a_cut_and_the_moments_are_those_of_the_law() -> None:
    law = truncated_normal(1.0)
    unit, total, square, largest = _unit(law, "truncated"), 0.0, 0.0, 0.0
    for values in chunks(law):
        total, square, largest = total + values.sum(), square + np.square(values).sum(), max(largest, float(np.abs(values).max()))
    assert largest <= 2.0 * unit * (1.0 + 2.0**-50)
    assert abs(total / TOTAL) < SIGMAS * law.rms(()) / math.sqrt(TOTAL)
    fourth = stats.truncnorm(-2.0, 2.0).moment(4) * unit**4
    assert abs(square / TOTAL - law.rms(()) ** 2) < SIGMAS * math.sqrt((fourth - law.rms(()) ** 4) / TOTAL)


@pytest.mark.parametrize("power", [1, 2])
def test_neighbours_know_nothing_of_each_other(power: int) -> None:
    """Correlations of values and of squares at lags 1 to 8 and at the strides of lanes, words and blocks."""
    lags = (1, 2, 3, 4, 5, 6, 7, 8, 31, 32, 33, 64, 96, 127, 128, 129, 1024)
    sums, count = dict.fromkeys(lags, 0.0), 0
    for values in chunks(normal(1.0)):
        kept = values if power == 1 else (np.square(values) - 1.0) / math.sqrt(2.0)
        count += len(kept)
        for lag in lags:
            sums[lag] += float(kept[:-lag] @ kept[lag:])
    for lag, total in sums.items():
        assert abs(total) < 5.5 * math.sqrt(count), lag  # 34 of them: 5.5 σ is 4e-8 each


@pytest.mark.parametrize(("one", "other"), [
    (("w", 0), ("w", 1)), (("w", 0), ("w", 2**32)), (("w", 2**63), ("w", 2**63 + 1)), (("layers.0.weight", 0), ("layers.1.weight", 0)),
    (("a", 0), ("b", 0)), (("a", 1), ("b", 0)),
])  # fmt: skip
def test_neighbouring_seeds_and_names_share_nothing(one: tuple[str, int], other: tuple[str, int]) -> None:
    total, count = 0.0, 20_000_000
    for x, y in zip((v.copy() for v in chunks(normal(1.0), *one, count)), chunks(normal(1.0), *other, count), strict=True):
        total += float(x @ y)
    assert abs(total) < SIGMAS * math.sqrt(count)


def test_orthogonal_matrices_have_haars_moments_and_angles() -> None:
    """E tr Q^k = 0, E (tr Q^k)² = min(k, n) for even or odd k up to the known offset of O(n), over 4,000 matrices of 8 × 8.

    Diaconis & Shahshahani 1994, J. Appl. Prob. 31A: for n ≥ 2k, tr Q^k is normal to all moments up to order 4, with mean η_k
    (1 for even k, 0 for odd) and variance k.
    """
    n, count = 8, 4000
    traces = {k: np.empty(count) for k in (1, 2, 3)}
    signs = 0
    for i in range(count):
        q = draw(orthogonal(), (n, n), "float64", name=f"q{i}", seed=0)
        power = q
        signs += int(np.linalg.det(q) > 0)
        for k in (1, 2, 3):
            traces[k][i] = np.trace(power)
            power = power @ q
    assert abs(signs - count / 2) < SIGMAS * math.sqrt(count) / 2
    for k, found in traces.items():
        mean, variance = float(k % 2 == 0), float(k)
        assert abs(found.mean() - mean) < SIGMAS * math.sqrt(variance / count), k
        assert abs(found.var() - variance) < SIGMAS * math.sqrt(2.0 / count) * variance, k  # of a normal: Var s² = 2σ⁴/n
