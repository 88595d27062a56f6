"""Layer and RMS norm against sampled networks."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations
from steadygrad.theory.layer_norm import layer_norm_correlation, layer_norm_growth

CASES = [(name, norm, before) for name in ("relu", "tanh", "gelu") for norm in ("layer", "rms") for before in (True, False)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "norm", "before"), CASES)
def test_growth_and_correlation_of_sampled_networks(name: str, norm: str, before: bool) -> None:
    """Width 512, 8 layers, 20 networks; five standard errors, and 5·depth/width for the shift of means."""
    rng, phi, n, depth, weight = np.random.default_rng(9), activations.get(name), 512, 8, 1.4
    centre = norm == "layer"
    growth, correlations = [], []
    for _ in range(20):
        x = _normed(rng.normal(size=(n, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]]), centre)[0]
        v = rng.normal(size=n)
        v -= centre * v.mean()
        start = v @ v
        for _ in range(depth):
            weights = rng.normal(scale=math.sqrt(weight / n), size=(n, n))
            if before:
                v = weights @ (phi.derivative(x[:, 0]) * v)
                x, scale = _normed(weights @ phi.phi(x), centre)
            else:
                h = weights @ x
                v = phi.derivative(h[:, 0]) * (weights @ v)
                x, scale = _normed(phi.phi(h), centre)
            v = (v - centre * v.mean() - x[:, 0] * (x[:, 0] @ v) / n) / scale[0]
        growth.append(v @ v / start)
        correlations.append(x[:, 0] @ x[:, 1] / n)
    c = 0.6
    for _ in range(depth):
        c = layer_norm_correlation(phi, c, weight, norm=norm, before=before)
    expected = layer_norm_growth(phi, weight, norm=norm, before=before) ** depth
    assert np.mean(growth) == pytest.approx(expected, abs=5.0 * np.std(growth) / math.sqrt(20) + 5.0 * expected * depth / n)
    assert np.mean(correlations) == pytest.approx(c, abs=5.0 * np.std(correlations) / math.sqrt(20) + 5.0 * depth / n)


def _normed(x: np.ndarray, centre: bool) -> tuple[np.ndarray, np.ndarray]:
    x = x - centre * x.mean(axis=0)
    scale = np.sqrt((x**2).mean(axis=0))
    return x / scale, scale


@pytest.mark.parametrize(("norm", "before"), [("layer", True), ("layer", False), ("rms", False)])
def test_growth_is_the_slope_of_the_correlation_map_at_1(norm: str, before: bool) -> None:
    """The map's curvature at 1 is of order 1: a step of 1e-5 leaves 1e-4."""
    phi = activations.get("tanh")
    below = layer_norm_correlation(phi, 1.0 - 1e-5, 1.4, norm=norm, before=before)
    assert layer_norm_correlation(phi, 1.0, 1.4, norm=norm, before=before) == pytest.approx(1.0, abs=1e-13)
    assert (1.0 - below) / 1e-5 == pytest.approx(layer_norm_growth(phi, 1.4, norm=norm, before=before), abs=1e-4)


def test_scale_of_weights_drops_out_before_the_activation() -> None:
    phi = activations.get("silu")
    assert layer_norm_growth(phi, 0.1) == pytest.approx(layer_norm_growth(phi, 7.0), rel=1e-14)
    assert layer_norm_growth(phi, 0.1, before=False) != pytest.approx(layer_norm_growth(phi, 7.0, before=False), rel=1e-3)


def test_bad_arguments() -> None:
    relu = activations.get("relu")
    with pytest.raises(InputError, match="`norm` must be one of layer, rms, got 'batch'"):
        layer_norm_growth(relu, norm="batch")
    with pytest.raises(InputError, match="got -1.0 and 0.0"):
        layer_norm_growth(relu, -1.0)
    with pytest.raises(InputError, match="something to divide by, got a variance of 0 from `relu`"):
        layer_norm_growth(relu, 0.0)
