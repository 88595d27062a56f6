"""χ₁, the critical line, half-stable points and centring."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, maps
from steadygrad.theory.activation import centred


def test_a_critical_point_is_a_fixed_point_with_chi_1_of_one() -> None:
    for name, q in (("tanh", 0.7), ("silu", 1.0), ("elu", 0.4)):
        phi = activations.get(name)
        point = maps.critical_point(phi, q)
        assert maps.length_map(phi, point.weight_variance, point.bias_variance, q) == pytest.approx(q, abs=1e-14)
        assert maps.chi_1(phi, point.weight_variance, q=q) == pytest.approx(1.0, abs=1e-14)


def test_chi_1_without_q_is_taken_at_the_fixed_point() -> None:
    tanh = activations.get("tanh")
    q = maps.q_star(tanh, 2.0, 0.05).q
    assert maps.chi_1(tanh, 2.0, 0.05) == maps.chi_1(tanh, 2.0, q=q)
    assert maps.chi_1(tanh, 0.5) == pytest.approx(0.5, abs=1e-12)


def test_chi_1_of_dying_signals_sees_both_sides_of_a_kink() -> None:
    assert maps.chi_1(activations.get("relu"), 1.0) == pytest.approx(0.5, abs=1e-12)
    assert maps.chi_1(activations.get("leaky_relu", negative_slope=0.5), 0.8) == pytest.approx(0.5, abs=1e-12)


def test_chi_1_without_a_fixed_point() -> None:
    message = r"χ₁ of `relu` at σ_w² = 3, σ_b² = 0 .* grow by a factor of 1.5 per layer.*Pass q="
    with pytest.raises(InputError, match=message):
        maps.chi_1(activations.get("relu"), 3.0)


def test_sigmoid_is_critical_only_at_huge_weights() -> None:
    """σ_b² is negative up to q* = 45.624 (σ_w² = 103.01) and positive beyond, where the sigmoid acts as a step."""
    phi = activations.get("sigmoid")
    below, above = maps.critical_point(phi, 45.62), maps.critical_point(phi, 45.63)
    assert not below.admissible and above.admissible
    assert above.weight_variance == pytest.approx(103.01, abs=0.01)
    assert all(not maps.critical_point(phi, q).admissible for q in np.geomspace(1e-3, 45.6, 40))
    assert all(maps.critical_point(phi, q).admissible for q in np.geomspace(45.7, 1e6, 40))
    assert maps.q_star(phi, above.weight_variance, above.bias_variance).q == pytest.approx(45.63, abs=1e-9)
    assert maps.length_slope(phi, above.weight_variance, 45.63) < 0.1


def test_step_limit_of_the_sigmoid() -> None:
    """q → ∞: E[σ²] → ½ and E[σ′²] → ∫σ′² dx/√(2πq) = 1/(6√(2πq)), so σ_w² → 6√(2πq) and σ_b²/q → 1."""
    point = maps.critical_point(activations.get("sigmoid"), 1e8)
    assert point.weight_variance == pytest.approx(6.0 * math.sqrt(2.0 * math.pi * 1e8), rel=1e-6)
    assert point.bias_variance == pytest.approx(1e8 - point.weight_variance / 2.0, rel=1e-6)


def test_softplus_is_never_critical() -> None:
    phi = activations.get("softplus")
    assert all(not maps.critical_point(phi, q).admissible for q in np.geomspace(1e-4, 1e6, 40))


def test_flat_activation_has_no_critical_point() -> None:
    assert not maps.critical_point(activations.get("hardshrink"), 0.0).admissible


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "elu", "hardtanh", "softshrink", "exp"])
def test_no_half_stable_point(name: str) -> None:
    assert maps.half_stable_point(activations.get(name)) is None


def test_centred_sigmoid_is_critical_where_tanh_is() -> None:
    """σ(x) − ½ = tanh(x/2)/2: x = 2y gives q_y = q/4 and σ_w²/16."""
    sigmoid, tanh = activations.get("sigmoid"), activations.get("tanh")
    for q in (0.0, 0.4, 2.0):
        assert maps.centred_critical_variance(sigmoid, q) == pytest.approx(16.0 * maps.critical_point(tanh, q / 4.0).weight_variance, rel=1e-13)
        point = maps.critical_point(centred(sigmoid), q)
        assert point.bias_variance == pytest.approx(4.0 * maps.critical_point(tanh, q / 4.0).bias_variance, abs=1e-13)
    assert maps.centred_chi_1(sigmoid, 16.0, 0.4) == pytest.approx(maps.chi_1(tanh, 1.0, q=0.1), rel=1e-13)
    assert maps.centred_critical_variance(activations.get("square"), 0.0) == math.inf


@pytest.mark.parametrize(("weight_variance", "depth"), [(16.0, 10), (30.0, 10)])
def test_centred_sigmoid_network_at_finite_width(weight_variance: float, depth: int) -> None:
    """A real sigmoid network with b = −½·(row sums of W): lengths follow the centred length map, and squared
    Jacobian–vector products grow by the centred χ₁ of each layer; without centring χ₁ is far below.

    Averages over 40 networks of width 256; the tolerance is five standard errors of the observed spread.
    """
    rng, n, phi = np.random.default_rng(2), 256, activations.get("sigmoid")
    lengths, products, plain = [], [], []
    for _ in range(40):
        h, bare, v = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
        vector, naked = v, v
        for _ in range(depth):
            weights = rng.normal(scale=math.sqrt(weight_variance / n), size=(n, n))
            vector = weights @ (phi.derivative(h) * vector)
            naked = weights @ (phi.derivative(bare) * naked)
            h = weights @ phi.phi(h) - 0.5 * weights.sum(axis=1)
            bare = weights @ phi.phi(bare)
        lengths.append(np.mean(h**2))
        products.append(vector @ vector / (v @ v))
        plain.append(naked @ naked / (v @ v))
    q, growth = 1.0, 1.0
    for _ in range(depth):
        growth *= maps.centred_chi_1(phi, weight_variance, q)
        q = maps.length_map(centred(phi), weight_variance, 0.0, q)
    for seen, expected in ((lengths, q), (products, growth)):
        # finite width shifts means by O(depth/n), beside the sampling error
        tolerance = 5.0 * np.std(seen) / math.sqrt(len(seen)) + expected * 2.0 * depth / n
        assert np.mean(seen) == pytest.approx(expected, abs=tolerance)
    assert np.mean(plain) < 0.1 * np.mean(products)
