"""Constants of signal propagation against tables and closed forms computed apart from the package."""

import json
import math
from pathlib import Path

import pytest

from steadygrad.theory import activations, gaussian, maps
from steadygrad.theory.batch_growth import batch_norm_growth, symmetry_slope
from steadygrad.theory.depth_scale import depth_scales

TABLES = json.loads((Path(__file__).parent / "theory_tables.json").read_text())
CONSTANTS = TABLES["constants"]["rows"]
CRITICAL = TABLES["critical_line"]["rows"]
HALF_STABLE = TABLES["half_stable"]["rows"]
DEPTH_SCALES = TABLES["tanh_depth_scales_at_bias_variance_0.05"]["rows"]
RELU_CORRELATION = TABLES["relu_correlation_by_layer"]["rows"]
# where the gains of torch.nn.init land at σ_b² = 0: (activation, gain) → (q*, χ₁), as many digits as are known
TORCH_GAINS = {
    ("tanh", 5.0 / 3.0): (1.178, 1.210),
    ("selu", 0.75): (0.0230, 1.0037),
    ("selu", 1.0): (1.0, 1.0716),
    ("sigmoid", 1.0): (0.265, 0.0557),
}
SIX_DIGITS = 0.51e-6  # half a unit of the last printed digit
SEVEN_DIGITS = 0.51e-7
THREE_DIGITS = 0.51e-3


@pytest.mark.parametrize("name", CONSTANTS)
def test_activation_constants(name: str) -> None:
    phi = activations.get(name)
    mean, second, variance, slope, gain, centred_gain, growth, growth_root, symmetry = CONSTANTS[name]
    found = gaussian.moments(phi)
    assert (found.mean, found.second, found.variance, found.slope) == pytest.approx((mean, second, variance, slope), abs=SIX_DIGITS)
    assert (gaussian.forward_gain(phi), found.variance**-0.5) == pytest.approx((gain, centred_gain), abs=SEVEN_DIGITS)
    assert (batch_norm_growth(phi), batch_norm_growth(phi) ** 0.5) == pytest.approx((growth, growth_root), abs=SIX_DIGITS)
    assert symmetry_slope(phi) == pytest.approx(symmetry, abs=THREE_DIGITS)


@pytest.mark.parametrize(("name", "q"), [(name, q) for name, table in CRITICAL.items() for q in table])
def test_critical_line(name: str, q: str) -> None:
    point = maps.critical_point(activations.get(name), float(q))
    assert point[:2] == pytest.approx(CRITICAL[name][q], abs=SIX_DIGITS)
    assert point.admissible


def test_critical_tanh_at_bias_variance_five_hundredths() -> None:
    phi = activations.get("tanh")
    assert maps.q_star(phi, 1.760955, 0.05).q == pytest.approx(0.570048, abs=SIX_DIGITS)
    # dχ₁/dσ_w² is about 0.2 here, so the last digit of σ_w² shows as 1e-7 in χ₁
    assert maps.chi_1(phi, 1.760955, 0.05) == pytest.approx(1.0, abs=1e-6)
    assert maps.chi_1(activations.get("erf"), 1.375839, 0.05) == pytest.approx(1.0, abs=1e-6)
    assert depth_scales(phi, 1.760955, 0.05).xi_q == pytest.approx(1.521, abs=THREE_DIGITS)


@pytest.mark.parametrize("q", [0.3, 1.0, 4.0])
def test_critical_line_of_erf_in_closed_form(q: float) -> None:
    weight = math.pi / 4.0 * math.sqrt(1.0 + 4.0 * q)
    bias = q - weight * 2.0 / math.pi * math.asin(2.0 * q / (1.0 + 2.0 * q))
    assert maps.critical_point(activations.get("erf"), q)[:2] == pytest.approx((weight, bias), abs=1e-13)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2])
def test_critical_point_of_leaky_relu_in_closed_form(slope: float) -> None:
    point = maps.critical_point(activations.get("leaky_relu", negative_slope=slope), 1.7)
    assert point[:2] == pytest.approx((2.0 / (1.0 + slope**2), 0.0), abs=1e-13)


def test_critical_limit_of_selu_averages_its_two_slopes() -> None:
    """q → 0: SELU is then piecewise linear with slopes λ and λα, so σ_w² = 2/(λ²(1 + α²)) = 0.476771."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    exact = 2.0 / (scale**2 * (1.0 + alpha**2))
    assert exact == pytest.approx(0.476771, abs=SIX_DIGITS)
    # the next order in √q is below 5·√q
    assert maps.critical_point(activations.get("selu"), 1e-12).weight_variance == pytest.approx(exact, abs=5e-6)


@pytest.mark.parametrize("name", HALF_STABLE)
def test_half_stable_points(name: str) -> None:
    q, weight, bias = HALF_STABLE[name]
    phi = activations.get(name)
    point = maps.half_stable_point(phi)
    assert (point.weight_variance, point.bias_variance, point.q) == pytest.approx((weight, bias, q), abs=SEVEN_DIGITS)
    assert maps.length_slope(phi, point.weight_variance, point.q) == pytest.approx(1.0, abs=1e-11)


@pytest.mark.parametrize("weight_variance", DEPTH_SCALES)
def test_depth_scales_of_tanh(weight_variance: str) -> None:
    found = depth_scales(activations.get("tanh"), float(weight_variance), 0.05)
    q, chi, c, *depths = DEPTH_SCALES[weight_variance]
    assert (found.q, found.chi_1, found.c) == pytest.approx((q, chi, c), abs=SIX_DIGITS)
    assert (found.xi_q, found.xi_c, found.xi_grad) == pytest.approx(depths, abs=THREE_DIGITS)


def test_correlation_map_of_relu_is_the_arc_cosine_map() -> None:
    phi, c = activations.get("relu"), 0.0
    for layer in range(1, 101):
        closed = (math.sqrt(1.0 - c * c) + (math.pi - math.acos(c)) * c) / math.pi
        c = maps.correlation_map(phi, 2.0, 0.0, 1.0, c)
        assert c == pytest.approx(closed, abs=1e-13)
        if str(layer) in RELU_CORRELATION:
            assert c == pytest.approx(RELU_CORRELATION[str(layer)], abs=SIX_DIGITS)
    assert (1.0 - c) * 2.0 * 100**2 / (9.0 * math.pi**2) == pytest.approx(0.805, abs=THREE_DIGITS)


def test_correlations_of_relu_end_like_one_over_depth_squared() -> None:
    """1 − c_l → 9π²/(2l²), so that ξ_c = ∞ is right: 0.971 of it at 1,000 layers, 0.9964 at 10,000, by the closed form."""
    c, shares = 0.0, {}
    for layer in range(1, 10_001):
        c = (math.sqrt((1.0 - c) * (1.0 + c)) + (math.pi - math.acos(c)) * c) / math.pi
        shares[layer] = (1.0 - c) * 2.0 * layer**2 / (9.0 * math.pi**2)
    assert shares[1000] == pytest.approx(0.971, abs=THREE_DIGITS) and shares[10_000] == pytest.approx(0.9964, abs=0.51e-4)


@pytest.mark.parametrize(("name", "gain"), TORCH_GAINS)
def test_where_the_gains_of_torch_land(name: str, gain: float) -> None:
    q, chi = TORCH_GAINS[name, gain]
    phi = activations.get(name)
    assert maps.q_star(phi, gain**2).q == pytest.approx(q, rel=3e-3)
    assert maps.chi_1(phi, gain**2) == pytest.approx(chi, abs=THREE_DIGITS)


def test_four_times_xavier_does_not_save_the_sigmoid() -> None:
    assert maps.chi_1(activations.get("sigmoid"), 16.0) == pytest.approx(0.399, abs=THREE_DIGITS)


def test_xavier_tanh_decays_like_one_over_depth() -> None:
    phi, q = activations.get("tanh"), 1.0
    for _ in range(400):
        q = maps.length_map(phi, 1.0, 0.0, q)
    assert maps.chi_1(phi, 1.0, q=q) == pytest.approx(0.9975, abs=0.51e-4)
    assert maps.q_star(phi, 1.0) == maps.FixedPoint(0.0, "signals die out like 1/depth: no fixed point below 1")


@pytest.mark.parametrize(("name", "chi"), [("tanh", 1.0 / 3.0), ("relu", 1.0 / 6.0)])
def test_default_linear_layers_shrink_gradients(name: str, chi: float) -> None:
    """nn.Linear draws σ_w² = 1/3."""
    assert maps.chi_1(activations.get(name), 1.0 / 3.0, q=1e-12) == pytest.approx(chi, abs=1e-9)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "hardswish"])
def test_the_forward_gain_is_an_unstable_fixed_point(name: str) -> None:
    phi = activations.get(name)
    weight = gaussian.forward_gain(phi) ** 2
    assert maps.length_map(phi, weight, 0.0, 1.0) == pytest.approx(1.0, abs=1e-14)
    assert maps.length_slope(phi, weight, 1.0) > 1.05
    assert maps.q_star(phi, weight, start=1.01).q == math.inf
    assert maps.q_star(phi, weight, start=0.99).q == 0.0
