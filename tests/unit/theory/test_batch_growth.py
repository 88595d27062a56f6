"""Gradient growth through batch norm, and where it breaks."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations
from steadygrad.theory.batch_growth import (
    batch_norm_growth,
    batch_norm_log_growth,
    finite_batch_factor,
    is_symmetric,
    norm_spread,
    symmetry_slope,
)


def test_relu_in_closed_form() -> None:
    assert batch_norm_growth(activations.get("relu")) == pytest.approx(math.pi / (math.pi - 1.0), abs=1e-13)
    assert symmetry_slope(activations.get("relu")) == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("name", [name for name in activations.MAKERS if name not in ("exp", "hardshrink")])
def test_poincare_inequality(name: str) -> None:
    """Var[φ] ≤ E[φ′²] for every φ without jumps, with equality for linear ones."""
    growth = batch_norm_growth(activations.get(name))
    assert growth >= 1.0 - 1e-13
    assert (growth < 1.0 + 1e-13) == (name == "identity")


def test_which_activations_keep_the_symmetry() -> None:
    names = ("identity", "relu", "leaky_relu", "tanh", "erf", "selu", "elu", "sigmoid", "gelu", "silu", "softplus", "mish")
    assert [name for name in names if not is_symmetric(activations.get(name))] == ["gelu", "silu", "softplus", "mish"]


def test_log_growth() -> None:
    relu = activations.get("relu")
    assert batch_norm_log_growth(relu, 50) == pytest.approx(50.0 * math.log(math.pi / (math.pi - 1.0)), rel=1e-12)
    assert batch_norm_log_growth(relu, 50, 8) - batch_norm_log_growth(relu, 50) == pytest.approx(50.0 * math.log(1.2), rel=1e-12)
    assert batch_norm_log_growth(activations.get("identity"), 1000) == pytest.approx(0.0, abs=1e-9)


def through(name: str, width: int, batch: int, depth: int, seed: int) -> tuple[np.ndarray, list[float]]:
    """Squared gradient norm at every layer from the last, and the spread of squared sample norms at the end."""
    rng, phi = np.random.default_rng(seed), activations.get(name)
    x, tape = rng.normal(size=(width, batch)), []
    for _ in range(depth):
        weights = rng.normal(scale=width**-0.5, size=(width, width))
        h = weights @ x
        h -= h.mean(axis=1, keepdims=True)
        scale = np.sqrt((h**2).mean(axis=1, keepdims=True))
        z = h / scale
        tape.append((weights, scale, z))
        x = phi.phi(z)
    squares = ((x - x.mean(axis=1, keepdims=True)) ** 2).mean(axis=0)
    g, norms = rng.normal(size=(width, batch)), []
    for weights, scale, z in reversed(tape):
        g = phi.derivative(z) * g
        g = (g - g.mean(axis=1, keepdims=True) - z * (g * z).mean(axis=1, keepdims=True)) / scale
        g = weights.T @ g
        norms.append(float((g**2).sum()))
    return np.array(norms), float(squares.std() / squares.mean())


@pytest.mark.slow
@pytest.mark.parametrize("batch", [8, 32])
def test_linear_layers_in_small_batches(batch: int) -> None:
    """Rates over the inner 20 layers, 8 networks of width 512: five standard errors, and 2/√width for dependence on the
    forward pass.
    """
    rates = [np.exp(np.diff(np.log(through("identity", 512, batch, 24, seed)[0]))[2:-2].mean()) for seed in range(8)]
    assert np.mean(rates) == pytest.approx(finite_batch_factor(batch), abs=5.0 * np.std(rates) / math.sqrt(8) + 0.5 / math.sqrt(512))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "tanh", "selu"])
def test_large_batches(name: str) -> None:
    """B = 128: the formula times (B − 2)/(B − 3), within 3 % (its error is 1/B per layer and the width's 1/√n)."""
    rates = [np.exp(np.diff(np.log(through(name, 512, 128, 16, seed)[0]))[2:-2].mean()) for seed in range(3)]
    assert np.mean(rates) == pytest.approx(batch_norm_growth(activations.get(name)) * finite_batch_factor(128), rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "depth"), [("tanh", 12), ("relu", 12), ("gelu", 8)])
def test_samples_drift_apart_as_predicted(name: str, depth: int) -> None:
    """A spread over 128 samples is known to 1/√256 per network; the next order is V itself."""
    expected = norm_spread(activations.get(name), depth, 512)
    seen = [through(name, 512, 128, depth, seed)[1] for seed in range(4)]
    assert np.mean(seen) == pytest.approx(expected, rel=5.0 / math.sqrt(4 * 256) + expected**2 + 2.0 / 128)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="`batch` must be at least 4, got 3: below, E"):
        finite_batch_factor(3)
    with pytest.raises(InputError, match="`depth` must be .* got 0"):
        batch_norm_log_growth(activations.get("relu"), 0)
    with pytest.raises(InputError, match=r"at least 1 unit, got \[0\]"):
        norm_spread(activations.get("relu"), 1, 0)
    constant = activations.from_callable(np.ones_like, name="one")
    for growth in (batch_norm_growth, symmetry_slope, lambda phi: norm_spread(phi, 1, 8)):
        with pytest.raises(InputError, match=r"`one` must vary, got Var\[φ\] = 0"):
            growth(constant)
