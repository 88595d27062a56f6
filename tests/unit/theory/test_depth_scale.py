"""Depth scales describe how iteration approaches its fixed points."""

import math

import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, maps
from steadygrad.theory.depth_scale import depth_scales


@pytest.mark.parametrize("weight_variance", [1.3, 2.5])
def test_distances_shrink_at_the_predicted_rates(weight_variance: float) -> None:
    phi = activations.get("tanh")
    scales = depth_scales(phi, weight_variance, 0.05)
    near = scales.q + 1e-6
    next_q = maps.length_map(phi, weight_variance, 0.05, near)
    assert math.log(1e-6 / (next_q - scales.q)) == pytest.approx(1.0 / scales.xi_q, rel=1e-4)
    c = scales.c - 1e-5
    next_c = maps.correlation_map(phi, weight_variance, 0.05, scales.q, c)
    assert math.log(1e-5 / (scales.c - next_c)) == pytest.approx(1.0 / scales.xi_c, rel=1e-3)


def test_critical_depths_are_infinite() -> None:
    scales = depth_scales(activations.get("relu"), 2.0)
    assert (scales.xi_c, scales.xi_grad, scales.xi_q) == (math.inf, math.inf, math.inf)


def test_without_weights_one_layer_settles_everything() -> None:
    assert depth_scales(activations.get("tanh"), 0.0, 0.3).xi_c == 0.0


def test_needs_a_fixed_point() -> None:
    with pytest.raises(InputError, match=r"depth scales of `relu` at σ_w² = 3.*got q\* = inf: signals grow"):
        depth_scales(activations.get("relu"), 3.0)
