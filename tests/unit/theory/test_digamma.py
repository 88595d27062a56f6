"""Digamma and trigamma against mpmath."""

import mpmath
import pytest

from steadygrad.theory.digamma import digamma, trigamma


@pytest.mark.parametrize("x", [0.5, 1.0, 1.5, 2.0, 7.5, 29.5, 30.0, 512.0, 1e6])
def test_against_mpmath(x: float) -> None:
    assert digamma(x) == pytest.approx(float(mpmath.psi(0, x)), rel=4e-15, abs=4e-15)
    assert trigamma(x) == pytest.approx(float(mpmath.psi(1, x)), rel=4e-15)
