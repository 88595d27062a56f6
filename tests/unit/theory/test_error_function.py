"""erf against the standard library and SciPy."""

import math

import numpy as np
from scipy.special import erf as scipy_erf

from steadygrad.theory.error_function import erf


def test_error_is_below_four_ulp_of_one() -> None:
    x = np.linspace(-7.0, 7.0, 400_001)
    assert np.abs(erf(x) - scipy_erf(x)).max() < 4.0 * 2.0**-53
    assert max(abs(float(erf(t)) - math.erf(t)) for t in np.linspace(-7.0, 7.0, 997)) < 4.0 * 2.0**-53


def test_special_values() -> None:
    assert erf([np.inf, -np.inf, 0.0, 1e-300]).tolist()[:3] == [1.0, -1.0, 0.0]
    assert np.isnan(erf(np.nan))


def test_odd_bit_for_bit() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    assert np.array_equal(erf(-x), -erf(x))
