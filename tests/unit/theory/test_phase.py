"""Phases, common points and the drawn diagram."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, gaussian, maps
from steadygrad.theory.depth_scale import depth_scales
from steadygrad.theory.phase import phase_at
from steadygrad.theory.phase_diagram import critical_line, phase_diagram
from steadygrad.theory.phase_points import common_points

TANH, RELU = activations.get("tanh"), activations.get("relu")


@pytest.mark.parametrize(("weight", "kind", "depth"), [(1.3, "ordered", 7.834), (1.760955, "critical", math.inf), (2.5, "chaotic", 11.796)])
def test_tanh_with_biases(weight: float, kind: str, depth: float) -> None:
    found = phase_at(TANH, weight, 0.05)
    assert found.kind == kind
    if math.isfinite(depth):
        assert found.trainable_depth == pytest.approx(6.0 * depth, abs=3e-3)
    else:
        assert found.trainable_depth > 1e4


@pytest.mark.parametrize("weight", [0.2, 1.0, 1.9])
def test_dying_relu_signals_are_the_limit_of_small_biases(weight: float) -> None:
    exact = 1.0 / abs(math.log(weight / 2.0))
    for bias in (0.0, 1e-6, 0.1):
        found = phase_at(RELU, weight, bias)
        assert (found.kind, found.c) == ("ordered", 1.0)
        assert found.xi_c == pytest.approx(exact, rel=1e-9) and found.xi_grad == pytest.approx(exact, rel=1e-9)


def test_lengths_that_grow() -> None:
    found = phase_at(RELU, 3.0, 0.1)
    assert (found.q, found.kind) == (math.inf, "chaotic") and math.isnan(found.c)
    assert found.trainable_depth == pytest.approx(6.0 / math.log(1.5), rel=1e-9)
    assert phase_at(activations.get("exp"), 1.0).kind == "chaotic"


@pytest.mark.parametrize("name", ["gelu", "exp"])
def test_a_length_that_runs_away_bounds_the_depth(name: str) -> None:
    """q = 1 is kept by 1/E[φ²], and left by whatever is beside it: by the slope of the length map, here by a difference (h² is 1e-8)."""
    phi = activations.get(name)
    found = phase_at(phi, 1.0 / gaussian.second_moment(phi))
    above, below = (maps.length_map(phi, found.weight_variance, 0.0, q) for q in (1.0001, 0.9999))
    slope = (above - below) / 0.0002
    assert (found.q, found.stable) == (1.0, False) and f"{slope:.4g} per layer" in found.reason
    assert found.trainable_depth == pytest.approx(6.0 / math.log(slope), rel=1e-6)
    assert all(phase_at(activations.get(n), w, b).stable for n, w, b in (("relu", 2.0, 0.0), ("tanh", 2.0, 0.05), ("tanh", 0.5, 0.0)))


def test_common_points_of_tanh() -> None:
    points = {p.name: p for p in common_points(TANH, fan_in=100)}
    assert list(points) == ["PyTorch default", "Xavier", "He", "PyTorch gain", "steadygrad"]
    assert points["PyTorch default"].phase.bias_variance == pytest.approx(1.0 / 300.0)
    assert points["PyTorch gain"].phase.weight_variance == pytest.approx(25.0 / 9.0)
    assert points["PyTorch gain"].phase.chi_1 == pytest.approx(1.210, abs=0.51e-3)
    assert points["steadygrad"].phase.kind == "critical"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in activations.MAKERS if name not in ("exp", "hardshrink")])
def test_every_activation_has_points(name: str) -> None:
    for point in common_points(activations.get(name)):
        assert point.phase.kind in ("ordered", "critical", "chaotic") and point.phase.trainable_depth >= 0.0


def test_the_sigmoid_starts_centred_and_off_the_map() -> None:
    start = common_points(activations.get("sigmoid"))[-1]
    assert start.name == "steadygrad" and not start.drawn and "biases centred" in start.how and start.phase.kind == "critical"


@pytest.mark.parametrize("name", ["gelu", *(pytest.param(name, marks=pytest.mark.slow) for name in ("tanh", "selu", "hardtanh"))])
def test_the_drawn_diagram_agrees_with_quadrature(name: str) -> None:
    """Interpolation in q moves χ₁ by up to 1e-4, so ξ by ξ·1e-4 relatively; a corner's series falls like k^{-3/2},
    so its slope is known to 1/√128 of what is left beyond c*¹²⁸."""
    phi = activations.get(name)
    weights, biases = [0.4, 1.7, 2.6, 3.7], [0.02, 0.3]
    found = phase_diagram(phi, weights, biases)
    for row, bias in enumerate(biases):
        for column, weight in enumerate(weights):
            if not maps.q_star(phi, weight, bias).exists:
                assert math.isnan(found.xi_c[row, column])
                continue
            exact = depth_scales(phi, weight, bias)
            assert found.chi_1[row, column] == pytest.approx(exact.chi_1, rel=3e-4)
            assert found.xi_c[row, column] == pytest.approx(exact.xi_c, rel=(0.03 if phi.kinks else 0.01) + 3e-4 * exact.xi_c)


def test_diagrams_of_relu_have_two_halves() -> None:
    found = phase_diagram(RELU, [1.0, 1.5, 2.5], [0.1])
    assert found.xi_c[0, :2] == pytest.approx([1.0 / math.log(2.0), 1.0 / math.log(4.0 / 3.0)], rel=1e-6)
    assert np.isnan(found.xi_c[0, 2])


def test_the_line_is_critical_and_inside() -> None:
    line = critical_line(TANH, 3.0, 0.4)
    assert len(line) > 50 and max(p.bias_variance for p in line) <= 0.4
    assert all(maps.chi_1(TANH, p.weight_variance, q=p.q) == pytest.approx(1.0, abs=1e-12) for p in line)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="at least 0, got -1.0 and 0.0"):
        phase_at(TANH, -1.0)
    with pytest.raises(InputError, match=r"finite and at least 0, got \[1.0\] and \[-1.0\]"):
        phase_diagram(TANH, [1.0], [-1.0])
    with pytest.raises(InputError, match="`fan_in` must be at least 1, got 0"):
        common_points(TANH, fan_in=0)
