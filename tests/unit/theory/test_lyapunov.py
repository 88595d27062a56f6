"""Lyapunov exponents against products of sampled matrices."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations
from steadygrad.theory.lyapunov import gaussian_exponents, gaussian_log_growth, typical_critical_std, wide_exponent


def test_exponents_sum_to_the_mean_log_determinant() -> None:
    """det of an n × n Gaussian matrix is a product of χ_1 … χ_n; n = 2: E log|det| = ½(2 log 2 + ψ(1) + ψ(½)) = −γ."""
    assert gaussian_exponents(2).sum() == pytest.approx(-0.5772156649015329, abs=1e-14)
    assert gaussian_exponents(3, std=2.0).sum() == pytest.approx(3.0 * math.log(2.0) + gaussian_exponents(3).sum(), abs=1e-14)


def test_all_exponents_of_a_sampled_product() -> None:
    """QR at every step; 4000 steps, whose logs have variance ψ′(k/2)/4 ≤ π²/8: five standard errors."""
    rng, n, steps = np.random.default_rng(5), 4, 4000
    frame, total = np.eye(n), np.zeros(n)
    for _ in range(steps):
        frame, triangle = np.linalg.qr(rng.normal(size=(n, n)) @ frame)
        total += np.log(np.abs(np.diag(triangle)))
    assert total / steps == pytest.approx(gaussian_exponents(n), abs=5.0 * math.sqrt(math.pi**2 / 8.0 / steps))


def test_growth_through_changing_widths() -> None:
    rng, widths = np.random.default_rng(6), [8, 3, 16, 5]
    found = []
    for _ in range(4000):
        v = np.array([1.0, 0.0])
        for n in widths:
            v = rng.normal(scale=0.3, size=(n, len(v))) @ v
        found.append(0.5 * math.log(v @ v))
    assert np.mean(found) == pytest.approx(gaussian_log_growth(widths, 0.3), abs=5.0 * np.std(found) / math.sqrt(4000))
    assert gaussian_log_growth(widths, [0.3] * 4) == gaussian_log_growth(widths, 0.3)


@pytest.mark.parametrize("n", [64, 1024])
def test_typical_growth_needs_larger_weights_than_mean_square_growth(n: int) -> None:
    """(1 + 1/(2n))/√n up to 1/n²."""
    assert typical_critical_std(n) * math.sqrt(n) == pytest.approx(1.0 + 0.5 / n, abs=1.0 / n**2)


def test_wide_exponents() -> None:
    tanh = activations.get("tanh")
    assert wide_exponent(tanh, 2.0, 0.05) == pytest.approx(0.5 * math.log(1.047666), abs=1e-6)
    assert wide_exponent(tanh, 0.0, 0.05) == -math.inf


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"at least 1 unit, got \[0\]"):
        gaussian_exponents(0)
    with pytest.raises(InputError, match="`std` must be finite and positive, got -1.0"):
        gaussian_exponents(3, -1.0)
    with pytest.raises(InputError, match=r"`widths` must name at least one layer.* got \[\]"):
        gaussian_log_growth([])
    with pytest.raises(InputError, match="one value per layer, 2, got 1"):
        gaussian_log_growth([3, 3], [1.0])
