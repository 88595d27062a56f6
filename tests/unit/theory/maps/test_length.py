"""Fixed points of the length map."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, maps


@pytest.mark.parametrize(
    ("name", "weight", "bias", "start"),
    [("tanh", 2.0, 0.05, 1.0), ("tanh", 2.0, 0.05, 1e-3), ("sigmoid", 1.0, 0.0, 1.0), ("gelu", 1.0, 0.3, 40.0)],
)
def test_fixed_point_is_where_iteration_ends(name: str, weight: float, bias: float, start: float) -> None:
    phi, q = activations.get(name), start
    for _ in range(300):
        q = maps.length_map(phi, weight, bias, q)
    found = maps.q_star(phi, weight, bias, start=start)
    assert found.exists and found.q == pytest.approx(q, rel=1e-12)


@pytest.mark.parametrize("name", ["tanh", "gelu", "hardtanh", "elu", "sin"])
def test_slope_is_the_derivative_of_the_map(name: str) -> None:
    phi, h = activations.get(name), 1e-4
    difference = maps.length_map(phi, 1.7, 0.1, 0.8 + h) - maps.length_map(phi, 1.7, 0.1, 0.8 - h)
    # truncation h²/6·f‴ with f‴ of order 1, rounding 1e-15/h
    assert maps.length_slope(phi, 1.7, 0.8) == pytest.approx(difference / (2.0 * h), abs=1e-7)


@pytest.mark.parametrize(
    ("name", "weight", "bias", "q", "reason"),
    [
        ("relu", 2.0, 0.0, 1.0, "1 is a fixed point, as every q is"),
        ("relu", 2.5, 0.0, math.inf, "signals grow by a factor of 1.25 per layer: no fixed point above 1"),
        ("relu", 2.0, 0.1, math.inf, "signals grow by a factor of 1.1 per layer: no fixed point above 1"),
        ("relu", 1.0, 0.0, 0.0, "signals die out by a factor of 0.5 per layer: no fixed point below 1"),
        ("tanh", 0.5, 0.0, 0.0, "signals die out by a factor of 0.5 per layer: no fixed point below 1"),
        ("tanh", 1.0, 0.0, 0.0, "signals die out like 1/depth: no fixed point below 1"),
        ("exp", 1.0, 0.0, math.inf, "signals grow by a factor of 7.389 per layer: no fixed point above 1"),
        ("selu", 1.0, 0.0, 1.0, "1 is a fixed point"),
        ("softshrink", 1.0, 0.0, 0.0, "signals die out by a factor of 0 per layer: no fixed point below 1"),
    ],
)
def test_reasons(name: str, weight: float, bias: float, q: float, reason: str) -> None:
    assert maps.q_star(activations.get(name), weight, bias) == maps.FixedPoint(q, reason)


def test_bias_alone_is_the_fixed_point_without_weights() -> None:
    assert maps.q_star(activations.get("tanh"), 0.0, 0.3).q == pytest.approx(0.3, rel=1e-14)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="must be finite and at least 0, got -1.0 and 0.0"):
        maps.q_star(activations.get("tanh"), -1.0)
    with pytest.raises(InputError, match="`start` must be finite and positive, got 0.0"):
        maps.q_star(activations.get("tanh"), 1.0, start=0.0)
    with pytest.raises(InputError, match="must be asked at `q` > 0, got 0.0"):
        maps.length_slope(activations.get("tanh"), 1.0, 0.0)


def test_simulated_network_settles_there() -> None:
    """A tanh network of width 1000, 12 layers; q fluctuates by √(2/n) per draw of weights."""
    rng, n, phi = np.random.default_rng(1), 1000, activations.get("tanh")
    h = rng.normal(size=n)
    for _ in range(12):
        weights = rng.normal(scale=math.sqrt(2.0 / n), size=(n, n))
        h = weights @ phi.phi(h) + rng.normal(scale=math.sqrt(0.05), size=n)
    assert np.mean(h**2) == pytest.approx(maps.q_star(phi, 2.0, 0.05).q, rel=5.0 * 1.5 * math.sqrt(2.0 / n))
