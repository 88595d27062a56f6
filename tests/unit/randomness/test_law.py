"""Laws check themselves and know their standard deviation."""

import math

import pytest
from scipy import stats

from steadygrad.errors import InputError
from steadygrad.randomness.law import Law, constant, normal, truncated_normal, uniform


@pytest.mark.parametrize("bound", [0.1, 1.0, 2.0, 3.0, 8.0, math.inf])
def test_std_of_truncated_normals(bound: float) -> None:
    exact = stats.truncnorm(-bound, bound).std()
    assert truncated_normal(0.3, bound).std == pytest.approx(0.3 * exact, rel=1e-9)


def test_std_of_the_others() -> None:
    assert uniform(1.0, 4.0).std == pytest.approx(stats.uniform(1.0, 3.0).std(), rel=1e-15)
    assert (uniform(1.0, 4.0).mean, normal(0.2, 5.0).mean, normal(0.2, 5.0).std, constant(7.0).std) == (2.5, 5.0, 0.2, 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Law("cauchy"), "must be one of constant, uniform, normal, truncated_normal, got 'cauchy'"),
        (lambda: normal(-1.0), r"a normal law must have a finite mean and scale ≥ 0, got 0.0, -1.0"),
        (lambda: normal(math.nan), "got 0.0, nan"),
        (lambda: constant(math.inf), "a constant law must have a finite mean"),
        (lambda: truncated_normal(1.0, 0.0), "`bound` of a truncated_normal law must be positive, got 0.0"),
        (lambda: uniform(2.0, 1.0), "must have low ≤ high, got 2.0 and 1.0"),
    ],
)
def test_bad_laws(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
