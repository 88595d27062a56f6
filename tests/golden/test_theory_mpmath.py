"""Averages, critical points and depth scales against mpmath and SciPy, which share no code with the package: 1e-9."""

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from scipy import integrate, special

from steadygrad.theory import activations, gaussian, maps
from steadygrad.theory.depth_scale import depth_scales
from steadygrad.theory.finite_width import fluctuation
from steadygrad.theory.jacobian_spectrum import jacobian_spectrum
from steadygrad.theory.shaping.shape import curvature_at_1

SCALE, ALPHA = mpmath.mpf("1.0507009873554804934193349852946"), mpmath.mpf("1.6732632423543772848170429916717")
EXACT: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "tanh": mpmath.tanh,
    "erf": mpmath.erf,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "selu": lambda x: SCALE * (x if x > 0 else ALPHA * mpmath.expm1(x)),
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "softsign": lambda x: x / (1 + abs(x)),
    "logsigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "sin": mpmath.sin,
}
PLACES = 1e-9


def average(f: Callable[[mpmath.mpf], mpmath.mpf], q: float) -> mpmath.mpf:
    """E[f(√q z)] by tanh-sinh quadrature, split at 0."""
    root = mpmath.sqrt(q)
    return mpmath.quad(lambda z: f(root * z) * mpmath.npdf(z), [-14, -3, 0, 3, 14])


def slope(phi: Callable[[mpmath.mpf], mpmath.mpf]) -> Callable[[mpmath.mpf], mpmath.mpf]:
    """φ′ by a symmetric difference in 15 digits and more: h² is 1e-16."""
    return lambda x: (phi(x + mpmath.mpf("1e-8")) - phi(x - mpmath.mpf("1e-8"))) / mpmath.mpf("2e-8")


@pytest.fixture(autouse=True)
def _digits() -> object:
    with mpmath.workdps(20):
        yield


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in ("tanh", "gelu", "selu") else pytest.mark.slow) for n in EXACT])
def test_critical_points(name: str) -> None:
    """σ_w² and σ_b² at q = 0.7, so E[φ²] and E[φ′²] both."""
    phi, q = EXACT[name], 0.7
    weight = 1 / average(lambda x: slope(phi)(x) ** 2, q)
    bias = q - weight * average(lambda x: phi(x) ** 2, q)
    point = maps.critical_point(activations.get(name), q)
    assert point.weight_variance == pytest.approx(float(weight), rel=PLACES)
    assert point.bias_variance == pytest.approx(float(bias), rel=PLACES, abs=PLACES)


@pytest.mark.parametrize("name", ["tanh", "gelu", "sigmoid"])
def test_length_slopes_by_differencing_the_length_map(name: str) -> None:
    """dq_l/dq_{l−1} as a central difference, h = 1e-6: h² is 1e-12."""
    phi, q, h = EXACT[name], 1.3, mpmath.mpf("1e-6")
    found = (average(lambda x: phi(x) ** 2, q + h) - average(lambda x: phi(x) ** 2, q - h)) / (2 * h)
    assert maps.length_slope(activations.get(name), 1.7, q) == pytest.approx(1.7 * float(found), rel=PLACES)


def test_half_stable_point_of_gelu_by_mpmath() -> None:
    """E[φ φ′ z] − √q E[φ′²] changes sign within 1e-6 of the point."""
    phi = EXACT["gelu"]

    def excess(q: mpmath.mpf) -> mpmath.mpf:
        return average(lambda x: slope(phi)(x) * (phi(x) * x / q - slope(phi)(x)), float(q))

    q = maps.half_stable_point(activations.get("gelu")).q
    assert excess(mpmath.mpf(q) - mpmath.mpf("1e-6")) * excess(mpmath.mpf(q) + mpmath.mpf("1e-6")) < 0


@pytest.mark.parametrize(("weight", "bias"), [(1.3, 0.05), (2.5, 0.05)])
def test_depth_scales_of_tanh_by_a_tensor_grid(weight: float, bias: float) -> None:
    """q*, c*, χ₁ and the scales by plain iteration with 181 × 181 Gauss–Hermite nodes."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(181)
    weights = weights / weights.sum()
    q, c = 1.0, 0.5
    for _ in range(200):
        q = weight * float(weights @ np.tanh(math.sqrt(q) * nodes) ** 2) + bias
    u = math.sqrt(q) * nodes

    def second(c: float) -> np.ndarray:
        return math.sqrt(q) * (c * nodes[:, None] + math.sqrt(1.0 - c * c) * nodes)

    for _ in range(400):
        c = min((weight * float(weights @ (np.tanh(u) * (np.tanh(second(c)) @ weights))) + bias) / q, 1.0)
    rate = weight * float(weights @ (np.cosh(u) ** -2 * (np.cosh(second(c)) ** -2 @ weights)))
    found = depth_scales(activations.get("tanh"), weight, bias)
    assert (found.q, found.c) == pytest.approx((q, c), abs=1e-7)
    assert found.xi_c == pytest.approx(-1.0 / math.log(rate), rel=1e-6)


@pytest.mark.parametrize(("name", "c"), [("tanh", 0.3), ("relu", -0.6), ("elu", 0.9)])
def test_covariances_by_scipy(name: str, c: float) -> None:
    """Adaptive quadrature in two dimensions, split at the kink."""
    phi = activations.get(name)
    rest = math.sqrt(1.0 - c * c)

    def inner(z: float) -> float:
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        kink = -c * z / rest
        points = [-9.0, min(max(kink, -9.0), 9.0), 9.0]
        parts = [integrate.quad(lambda v: float(phi.phi(c * z + rest * v)) * math.exp(-0.5 * v * v), a, b, epsabs=1e-11)[0] for a, b in zip(points, points[1:], strict=False)]
        return density * float(phi.phi(z)) * sum(parts) / math.sqrt(2.0 * math.pi)

    exact = sum(integrate.quad(inner, a, b, epsabs=1e-9)[0] for a, b in ((-9.0, 0.0), (0.0, 9.0)))
    assert gaussian.covariance(phi, 1.0, c) == pytest.approx(exact, abs=1e-7)


def test_slope_covariance_of_erf_in_closed_form() -> None:
    """E[φ′φ′] = (4/π)/√((1 + 2q)² − 4q²c²); E[φφ] = (2/π)·asin(2qc/(1 + 2q))."""
    phi = activations.get("erf")
    for q, c in ((0.4, 0.2), (2.0, -0.9), (5.0, 0.99)):
        assert gaussian.slope_covariance(phi, q, c) == pytest.approx(4.0 / math.pi / math.sqrt((1 + 2 * q) ** 2 - (2 * q * c) ** 2), rel=1e-12)
        assert gaussian.covariance(phi, q, c) == pytest.approx(2.0 / math.pi * math.asin(2.0 * q * c / (1.0 + 2.0 * q)), rel=1e-12)


def test_slope_powers_and_curvature() -> None:
    """μ₂ of tanh, κ of GELU and C″(1) of tanh, each by mpmath."""
    tanh, gelu = EXACT["tanh"], EXACT["gelu"]
    for q in (0.25, 1.0 / 64.0):
        first, second = (average(lambda x, k=k: mpmath.sech(x) ** k, q) for k in (4, 8))
        spectrum = jacobian_spectrum(activations.get("tanh"), 1.0, q, depth=8, orthogonal=True)
        assert spectrum.relative_variance == pytest.approx(8.0 * (float(second / first**2) - 1.0), rel=PLACES)
    kappa = average(lambda x: gelu(x) ** 4, 1.0) / average(lambda x: gelu(x) ** 2, 1.0) ** 2 - 1
    assert fluctuation(activations.get("gelu")) == pytest.approx(float(kappa), rel=PLACES)
    bend = average(lambda x: (2 * tanh(x) * mpmath.sech(x) ** 2) ** 2, 1.0)
    assert curvature_at_1(activations.get("tanh")) == pytest.approx(float(bend), rel=PLACES)


def test_a_bare_function_agrees_with_mpmath() -> None:
    """Gumbel's 1 − exp(−eˣ), in no catalogue, derivative by differences: χ₁ to 1e-9."""
    found = maps.chi_1(activations.from_callable(lambda x: -np.expm1(-np.exp(x))), 1.0, q=0.8)
    exact = average(lambda x: mpmath.exp(2 * x - 2 * mpmath.exp(x)), 0.8)
    assert found == pytest.approx(float(exact), rel=PLACES)


def test_erf_agrees_with_scipy_in_the_gelu() -> None:
    x = np.linspace(-8.0, 8.0, 401)
    assert activations.get("gelu").phi(x) == pytest.approx(x * special.ndtr(x), abs=2e-15)
