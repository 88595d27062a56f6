"""S-transforms against closed forms and sampled products."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory.free_product import fuss_catalan, moments_from_s, power, s_series


@pytest.mark.parametrize("depth", [1, 2, 7, 100])
def test_gaussian_products_have_fuss_catalan_moments(depth: int) -> None:
    catalan = [fuss_catalan(1, k) for k in range(1, 7)]
    found = moments_from_s(power(s_series(catalan), depth))
    assert found == pytest.approx([fuss_catalan(depth, k) for k in range(1, 7)], rel=1e-9)


def test_s_of_a_two_point_spectrum() -> None:
    """Half zeros, half ones: S(z) = (1 + z)/(z + ½), whose series is 2(1 + z)Σ(−2z)^k."""
    exact = [2.0, -2.0, 4.0, -8.0, 16.0]
    assert s_series([0.5] * 5) == pytest.approx(exact, rel=1e-12)
    assert moments_from_s(exact) == pytest.approx([0.5] * 5, rel=1e-12)


def test_moments_come_back() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(40) + 0.2
    moments = [np.mean(values**k) for k in range(1, 6)]
    assert moments_from_s(s_series(moments)) == pytest.approx(moments, rel=1e-9)


def test_a_sampled_product_of_two_spectra() -> None:
    """QDQᵀE for Haar Q: moments of order 2 to 3 of a 300 × 300 product; corrections are O(1/n²), fluctuations O(1/n)."""
    rng, n = np.random.default_rng(1), 300
    first, second = np.linspace(0.2, 2.0, n), np.where(np.arange(n) < n // 3, 3.0, 0.1)
    moments = [[np.mean(v**k) for k in (1, 2, 3)] for v in (first, second)]
    series = np.convolve(s_series(moments[0]), s_series(moments[1]))[:3]
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    eigenvalues = np.linalg.eigvals((q * first) @ q.T * second).real
    expected = moments_from_s(series)
    for k in (1, 2, 3):
        assert np.mean(eigenvalues**k) == pytest.approx(expected[k - 1], rel=10.0 * k / n)


def test_the_edge_is_where_moments_grow() -> None:
    """m_k^{1/k} → the largest eigenvalue, 4 for depth 1."""
    assert fuss_catalan(1, 400) ** (1.0 / 400) == pytest.approx(4.0, rel=math.log(400**1.5 * math.sqrt(math.pi)) / 400)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"the first of them positive, got \[0.0, 1.0\]"):
        s_series([0.0, 1.0])
    with pytest.raises(InputError, match=r"positive coefficient, got \[-1.0\]"):
        moments_from_s([-1.0])
    with pytest.raises(InputError, match="`exponent` must be a whole number, at least 0, got -1"):
        power([1.0], -1)
    with pytest.raises(InputError, match="at least 1, got 0 and 2"):
        fuss_catalan(0, 2)
