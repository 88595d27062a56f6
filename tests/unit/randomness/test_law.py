"""Laws check themselves and know their standard deviation."""

import math

import pytest
from scipy import stats

from steadygrad.errors import InputError
from steadygrad.randomness.law import Independent, constant, normal, rademacher, truncated_moments, truncated_normal, uniform


@pytest.mark.parametrize("bound", [0.1, 1.0, 2.0, 3.0, 8.0, math.inf])
def test_std_of_truncated_normals(bound: float) -> None:
    exact = stats.truncnorm(-bound, bound).std()
    assert truncated_normal(0.3, bound).std == pytest.approx(0.3 * exact, rel=1e-9)


@pytest.mark.parametrize(("lower", "upper"), [(-1.0, 3.0), (0.0, math.inf), (-math.inf, -1.0), (2.0, 2.5), (-5.0, -4.0), (-0.1, 0.2)])
def test_moments_of_uneven_cuts(lower: float, upper: float) -> None:
    """1e-6 because the variance is a difference of numbers up to 25 where the cuts lie in a tail."""
    exact = stats.truncnorm(lower, upper)
    assert truncated_moments(lower, upper) == pytest.approx((exact.mean(), exact.std()), rel=1e-6)
    law = truncated_normal(2.0, upper, 0.5, lower=lower)
    assert (law.expectation, law.std) == pytest.approx((0.5 + 2.0 * exact.mean(), 2.0 * exact.std()), rel=1e-6)
    assert law.rms((3,)) ** 2 == pytest.approx(law.expectation**2 + law.std**2)


@pytest.mark.parametrize("bound", [0.5, 2.0, 3.0])
def test_exact_gives_the_standard_deviation_asked_for(bound: float) -> None:
    assert truncated_normal(0.3, bound, exact=True).std == pytest.approx(0.3, rel=1e-12)


def test_std_of_the_others() -> None:
    assert uniform(1.0, 4.0).std == pytest.approx(stats.uniform(1.0, 3.0).std(), rel=1e-15)
    assert (uniform(1.0, 4.0).mean, normal(0.2, 5.0).mean, normal(0.2, 5.0).std, constant(7.0).std, rademacher(0.3).std) == (2.5, 5.0, 0.2, 0.0, 0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Independent("cauchy"), "must be one of constant, uniform, normal, truncated_normal, rademacher, got 'cauchy'"),
        (lambda: normal(-1.0), r"a normal law must have a finite mean and scale ≥ 0, got 0.0, -1.0"),
        (lambda: normal(math.nan), "got 0.0, nan"),
        (lambda: constant(math.inf), "a constant law must have a finite mean"),
        (lambda: truncated_normal(1.0, 0.0), "`bound` of a truncated_normal law must be positive, got 0.0"),
        (lambda: truncated_normal(1.0, 1.0, lower=2.0), "between lower < bound that meet .* got 2.0 and 1.0"),
        (lambda: truncated_normal(1.0, 9.0, lower=8.0), "got 8.0 and 9.0"),
        (lambda: uniform(2.0, 1.0), "must have low ≤ high, got 2.0 and 1.0"),
    ],
)
def test_bad_laws(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
