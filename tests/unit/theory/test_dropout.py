"""Dropout against networks with dropout, and the loss of the critical point."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, maps
from steadygrad.theory.depth_scale import depth_scales
from steadygrad.theory.dropout import dropout_c_star, dropout_depth_scales, dropout_q_star

TANH = activations.get("tanh")


def test_without_dropout_nothing_changes() -> None:
    assert dropout_depth_scales(TANH, 2.0, 0.05, 0.0) == depth_scales(TANH, 2.0, 0.05)


@pytest.mark.parametrize("p", [0.02, 0.5])
def test_two_masks_on_one_sample_are_told_apart(p: float) -> None:
    for w in (0.5, 1.760955, 3.0):
        c = dropout_c_star(TANH, w, 0.05, p, q := dropout_q_star(TANH, w, 0.05, p).q)
        assert c < 1.0
        assert maps.correlation_map(TANH, w, 0.05, q, c) == pytest.approx(c, abs=1e-12)


def test_the_critical_point_is_gone() -> None:
    """ξ_c = 1/√(2·ε·C″) to first order in √ε, which is 0.01 here; C″ by a central difference of the slope."""
    p, w, b = 1e-4, 1.760955, 0.05
    q = maps.q_star(TANH, w, b).q
    curvature = (maps.correlation_slope(TANH, w, q, 1.0) - maps.correlation_slope(TANH, w, q, 0.998)) / 0.002
    predicted = 1.0 / math.sqrt(2.0 * p * (1.0 - b / q) * curvature)
    assert dropout_depth_scales(TANH, w, b, p).xi_c == pytest.approx(predicted, rel=0.03)


@pytest.mark.slow
def test_a_network_with_dropout() -> None:
    """Width 512, 12 layers, two masks on one input: q, c and squared gradients; five standard errors over 30 networks,
    and depth/width for the finite-width shift of means.
    """
    rng, n, depth, p, w, b = np.random.default_rng(7), 512, 12, 0.2, 1.7, 0.05
    theory = dropout_depth_scales(TANH, w, b, p)
    lengths, correlations, growth = [], [], []
    for _ in range(30):
        h = np.repeat(rng.normal(scale=math.sqrt(theory.q), size=(n, 1)), 2, axis=1)
        v = rng.normal(size=n)
        start = v @ v
        for _ in range(depth):
            masks = (rng.random((n, 2)) > p) / (1.0 - p)
            weights = rng.normal(scale=math.sqrt(w / n), size=(n, n))
            v = weights @ (masks[:, 0] * TANH.derivative(h[:, 0]) * v)
            h = weights @ (masks * np.tanh(h)) + rng.normal(scale=math.sqrt(b), size=(n, 1))
        lengths.append(np.mean(h**2))
        correlations.append(h[:, 0] @ h[:, 1] / math.sqrt(h[:, 0] @ h[:, 0] * (h[:, 1] @ h[:, 1])))
        growth.append(v @ v / start)
    for seen, expected in ((lengths, theory.q), (correlations, theory.c), (growth, theory.chi_1**depth)):
        assert np.mean(seen) == pytest.approx(expected, abs=5.0 * np.std(seen) / math.sqrt(30) + expected * depth / n)


@pytest.mark.parametrize("p", [-0.1, 1.0, math.nan])
def test_probabilities(p: float) -> None:
    with pytest.raises(InputError, match=rf"`p` must lie in \[0, 1\), got {p}"):
        dropout_q_star(TANH, 1.0, 0.0, p)


def test_relu_with_dropout_runs_away() -> None:
    with pytest.raises(InputError, match=r"dropout 0.5 must have a fixed point, got q\* = inf: signals grow by a factor of 2"):
        dropout_depth_scales(activations.get("relu"), 2.0, 0.0, 0.5)
