"""State-space spectra, time steps and rings of eigenvalues."""

import numpy as np
import pytest
from scipy.special import eval_legendre

from steadygrad import schemes
from steadygrad.errors import InputError
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans
from steadygrad.schemes import Scheme

ONE = Fans(1.0, 1.0)


def drawn(scheme: Scheme, shape: tuple[int, ...]) -> np.ndarray:
    return draw(scheme.law(ONE), shape, "float64", name="state")


def test_hippo_keeps_legendre_coefficients() -> None:
    """For a constant input 1, dc/dt = (A·c + B)/t rests at the coefficients of 1: c = (1, 0, 0 …), B = √(2n + 1)."""
    a = drawn(schemes.hippo_legs(), (12, 12))
    assert np.allclose(a @ np.eye(12)[0] + np.sqrt(2.0 * np.arange(12) + 1.0), 0.0, atol=1e-12)


def test_hippo_follows_a_ramp() -> None:
    """For f(s) = s, c(t) = t·c(1) solves dc/dt = (A·c + B·f)/t: (I − A)·c(1) = B, with c the coefficients of s on [0, 1]."""
    a = drawn(schemes.hippo_legs(), (6, 6))
    c = np.linalg.solve(np.eye(6) - a, np.sqrt(2.0 * np.arange(6) + 1.0))
    s = np.linspace(0.0, 1.0, 7)
    series = sum(c[n] * np.sqrt(2 * n + 1) * eval_legendre(n, 2 * s - 1) for n in range(6))
    assert np.allclose(series, s, atol=1e-12)


def test_s4d_inv_is_near_the_spectrum_of_hippo() -> None:
    """The normal part A + P·Pᵀ of LegS, P = √(n + ½), has eigenvalues −½ ± iω; the largest ω of N = 256 within 1 %."""
    states = 256
    p = np.sqrt(np.arange(states) + 0.5)
    eigenvalues = np.linalg.eigvals(drawn(schemes.hippo_legs(), (states, states)) + np.outer(p, p))
    assert np.allclose(eigenvalues.real, -0.5, atol=1e-6)
    approximate = drawn(schemes.s4d("inv"), (states // 2, 2))
    assert approximate[:, 0].tolist() == [-0.5] * (states // 2)
    assert approximate[0, 1] == pytest.approx(eigenvalues.imag.max(), rel=0.01)


def test_s4d_lin_repeats_for_every_channel() -> None:
    a = drawn(schemes.s4d("lin"), (3, 4, 2))
    assert np.allclose(a[..., 1], np.pi * np.arange(4)) and np.array_equal(a[0], a[2])
    assert np.allclose(-np.exp(drawn(schemes.s4d_real_log(), (2, 5))), -np.arange(1.0, 6.0))


def test_time_steps_are_uniform_in_their_logarithm() -> None:
    n = 40_000
    logs = np.log(np.log1p(np.exp(drawn(schemes.time_step_bias(), (n,)))))
    low, high = np.log(1e-3), np.log(1e-1)
    assert low - 1e-9 <= logs.min() and logs.max() <= high + 1e-9
    assert np.mean(logs) == pytest.approx((low + high) / 2, abs=5 * (high - low) / np.sqrt(12 * n))


def test_lru_eigenvalues_are_uniform_on_the_ring() -> None:
    """Uniform by area: |λ|² is uniform between r_min² and r_max², phases between 0 and max_phase."""
    n = 40_000
    square = np.exp(-2.0 * np.exp(drawn(schemes.lru_nu(0.4, 0.9), (n,))))
    assert square.min() >= 0.16 - 1e-9 and square.max() <= 0.81 + 1e-9
    assert np.mean(square) == pytest.approx(0.485, abs=5 * 0.65 / np.sqrt(12 * n))
    assert np.var(square) == pytest.approx(0.65**2 / 12, abs=5 * 0.65**2 / np.sqrt(180 * n))
    phase = np.exp(drawn(schemes.lru_theta(0.5), (n,)))
    assert phase.max() <= 0.5 and np.mean(phase) == pytest.approx(0.25, abs=5 * 0.5 / np.sqrt(12 * n))


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="`lru_nu` must have 0 ≤ r_min < r_max ≤ 1, got 0.9 and 0.5"):
        schemes.lru_nu(0.9, 0.5)
    with pytest.raises(InputError, match="`time_step_bias` must have 0 < low < high, got 0.0 and 0.1"):
        schemes.time_step_bias(0.0)
    with pytest.raises(InputError, match=r"`hippo_legs` must be drawn into a square matrix, got shape \(2, 3\)"):
        drawn(schemes.hippo_legs(), (2, 3))
