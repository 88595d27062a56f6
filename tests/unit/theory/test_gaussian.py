"""Averages against closed forms, mpmath and sampling."""

import math

import mpmath
import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, gaussian

CORRELATIONS = (0.0, 0.3, 0.9, 0.999, 1.0 - 1e-6, 1.0 - 1e-10, 1.0, -0.3, -0.999, -1.0 + 1e-9, -1.0)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "silu", "softplus", "mish", "elu", "hardtanh", "softshrink"])
@pytest.mark.parametrize("q", [0.04, 1.0, 9.0])
def test_second_moment_agrees_with_mpmath(name: str, q: float) -> None:
    """mpmath's own quadrature and functions in 25 digits."""
    one = mpmath.mpf(1)
    functions = {
        "tanh": mpmath.tanh,
        "sigmoid": lambda x: one / (1 + mpmath.exp(-x)),
        "silu": lambda x: x / (1 + mpmath.exp(-x)),
        "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
        "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
        "elu": lambda x: x if x > 0 else mpmath.expm1(x),
        "hardtanh": lambda x: min(max(x, -one), one),
        "softshrink": lambda x: x - mpmath.sign(x) / 2 if abs(x) > 0.5 else one * 0,
    }
    phi, s = functions[name], math.sqrt(q)
    with mpmath.workdps(25):
        edges = sorted({-14, 14, *(k for p in (0.0, 0.5, 1.0) for k in (-p / s, p / s) if abs(k) < 14), -4, 4})
        exact = mpmath.quad(lambda z: phi(mpmath.mpf(s) * z) ** 2 * mpmath.npdf(z), edges)
    assert gaussian.second_moment(activations.get(name), q) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("c", CORRELATIONS)
def test_rectifier_covariances_in_closed_form(c: float) -> None:
    """Cho & Saul 2009, arXiv:0911.2126, eq. 4–6: degree 1 and degree 0."""
    relu, angle = activations.get("relu"), math.acos(c)
    first = (math.sqrt((1.0 - c) * (1.0 + c)) + (math.pi - angle) * c) / (2.0 * math.pi)
    assert gaussian.covariance(relu, 2.0, c) == pytest.approx(2.0 * first, abs=1e-14)
    assert gaussian.slope_covariance(relu, 2.0, c) == pytest.approx(0.5 - angle / (2.0 * math.pi), abs=1e-13)


@pytest.mark.parametrize("q", [0.01, 2.0, 1e4])
@pytest.mark.parametrize("c", CORRELATIONS)
def test_erf_covariance_in_closed_form(q: float, c: float) -> None:
    """2/π·arcsin(2qc/(1 + 2q)); Williams 1997, eq. 11. q = 1e4 makes erf a step."""
    exact = 2.0 / math.pi * math.asin(2.0 * q * c / (1.0 + 2.0 * q))
    assert gaussian.covariance(activations.get("erf"), q, c) == pytest.approx(exact, abs=1e-13)


@pytest.mark.parametrize("name", ["hardtanh", "relu6", "softshrink", "gelu", "elu"])
@pytest.mark.parametrize("c", [0.6, -0.97])
def test_covariance_against_sampling(name: str, c: float) -> None:
    z = np.random.default_rng(0).standard_normal((2, 200_000))
    u = 1.3 * z[0], 1.3 * (c * z[0] + math.sqrt(1.0 - c * c) * z[1])
    phi = activations.get(name)
    for function, found in (
        (phi.phi, gaussian.covariance(phi, 1.69, c)),
        (phi.derivative, gaussian.slope_covariance(phi, 1.69, c)),
    ):
        product = function(u[0]) * function(u[1])
        assert found == pytest.approx(product.mean(), abs=5.0 * product.std() / math.sqrt(product.size))


@pytest.mark.parametrize("name", ["hardtanh", "hardswish", "tanh", "softplus"])
def test_covariance_is_continuous_at_one(name: str) -> None:
    """E[φ²] − E[φφ_c] = (1 − c)·q·E[φ′²] + o(1 − c); φ″ of order 1 makes the rest O((1 − c)^1.5)."""
    phi, gap = activations.get(name), 1e-8
    lost = gaussian.covariance(phi, 1.0, 1.0) - gaussian.covariance(phi, 1.0, 1.0 - gap)
    assert lost == pytest.approx(gap * gaussian.slope_moment(phi), abs=1e-14 + 10.0 * gap**1.5)


def test_different_functions() -> None:
    """E[relu(u₁)·u₂] = c/2 by Stein's lemma."""
    relu = activations.get("relu").phi
    assert gaussian.pair_expectation(relu, lambda u: u, 0.4, kinks=(0.0,)) == pytest.approx(0.2, abs=1e-14)


def test_zero_length() -> None:
    phi = activations.get("softplus")
    assert gaussian.mean(phi, 0.0) == pytest.approx(math.log(2.0), abs=1e-15)
    assert gaussian.covariance(phi, 0.0, 0.3) == pytest.approx(math.log(2.0) ** 2, abs=1e-15)


def test_gains_of_what_passes_nothing_are_infinite() -> None:
    nothing = activations.get("hardshrink", lambd=1e3)
    assert gaussian.forward_gain(nothing) == math.inf
    assert gaussian.backward_gain(nothing) == math.inf


def test_bad_arguments() -> None:
    tanh = activations.get("tanh")
    with pytest.raises(InputError, match=r"must lie in \[-1, 1\], got 1.5"):
        gaussian.covariance(tanh, 1.0, 1.5)
    for q in (-1.0, math.inf, math.nan):
        with pytest.raises(InputError, match="must be finite and at least 0, got"):
            gaussian.second_moment(tanh, q)


def test_diverging_averages_are_refused() -> None:
    """E[exp(2·6z)] = exp(72) has its mass at z = 12, on the border of the rule."""
    assert gaussian.second_moment(activations.get("exp"), 4.0) == pytest.approx(math.exp(8.0), rel=1e-12)
    for q in (36.0, 1e6):
        with pytest.raises(InputError, match=r"must converge within \|z\| < 13"):
            gaussian.second_moment(activations.get("exp"), q)


def test_opposite_signals_meet_kinks_on_both_sides() -> None:
    """At c = −1, relu(u − 1)·relu(−u − 1) is never positive, and E[1·1(−z > 1.5)] is the normal's tail."""
    assert gaussian.pair_expectation(lambda x: np.maximum(x - 1.0, 0.0), lambda x: np.maximum(x - 1.0, 0.0), -1.0, kinks=(1.0,)) == pytest.approx(
        0.0, abs=1e-300
    )
    tail = 0.5 * math.erfc(1.5 / math.sqrt(2.0))
    steps = gaussian.pair_expectation(np.ones_like, lambda x: (x > 1.5) * 1.0, -1.0, kinks=(1.5,))
    assert steps == pytest.approx(tail, abs=1e-15)
