"""Shaped activations meet their conditions, in quadrature, in whole networks, and say when they cannot."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, gaussian, maps
from steadygrad.theory.shaping import chain, dks, residual_chain, shaped, tailored_leaky_relu, tat
from steadygrad.theory.shaping.shape import curvature_at_1
from steadygrad.theory.shaping.solve import increasing, solve
from steadygrad.theory.shaping.tat import leaky_relu_map


@pytest.mark.parametrize("name", ["tanh", "softplus", "gelu", "silu", "elu", "sigmoid"])
def test_dks_conditions(name: str) -> None:
    phi = shaped(activations.get(name), dks(activations.get(name), chain(30)))
    assert gaussian.second_moment(phi) == pytest.approx(1.0, abs=1e-11)
    assert gaussian.mean(phi) == pytest.approx(0.0, abs=1e-11)
    assert maps.length_slope(phi, 1.0, 1.0) == pytest.approx(1.0, abs=1e-9)
    assert gaussian.slope_moment(phi) == pytest.approx(1.5 ** (1.0 / 30.0), abs=1e-9)


@pytest.mark.parametrize("name", ["tanh", "softplus", "silu"])
def test_tat_conditions(name: str) -> None:
    """C″(1) also as the second difference of the correlation map: h = 1e-3 leaves C⁽³⁾·h, about 1e-3 of C″."""
    phi = shaped(activations.get(name), tat(activations.get(name), chain(30)))
    assert gaussian.slope_moment(phi) == pytest.approx(1.0, abs=1e-9)
    assert maps.length_slope(phi, 1.0, 1.0) == pytest.approx(1.0, abs=1e-9)
    assert curvature_at_1(phi) == pytest.approx(0.01, rel=1e-6)
    slopes = [maps.correlation_slope(phi, 1.0, 1.0, c) for c in (1.0, 0.999)]
    assert (slopes[0] - slopes[1]) / 1e-3 == pytest.approx(0.01, rel=1e-2)


def test_a_deep_shaped_network_keeps_samples_apart() -> None:
    """The correlation map composed 100 times: tailored leaky ReLU ends at η, plain ReLU collapses."""
    slope, _ = tailored_leaky_relu(chain(100))
    c, plain = 0.0, 0.0
    for _ in range(100):
        c, plain = leaky_relu_map(c, slope), leaky_relu_map(plain, 0.0)
    assert c == pytest.approx(0.9, abs=1e-9) and plain > 0.996


def test_leaky_relu_map_is_the_correlation_map() -> None:
    for a, c in ((0.0, -0.7), (0.3, 0.2), (1.0, 0.5)):
        phi = activations.get("leaky_relu", negative_slope=a)
        assert leaky_relu_map(c, a) == pytest.approx(maps.correlation_map(phi, 2.0 / (1.0 + a**2), 0.0, 1.0, c), abs=1e-13)


@pytest.mark.slow
def test_a_sampled_dks_network() -> None:
    """Width 400, 20 layers, 30 networks: lengths stay 1, orthogonal inputs stay uncorrelated; five standard errors."""
    rng, phi, n = np.random.default_rng(0), shaped(activations.get("tanh"), dks(activations.get("tanh"), chain(20))), 400
    lengths, correlations = [], []
    for _ in range(30):
        x = rng.normal(size=(n, 2))
        for _ in range(20):
            x = rng.normal(scale=n**-0.5, size=(n, n)) @ phi.phi(x)
        lengths.append(np.mean(x**2))
        correlations.append(np.mean(x[:, 0] * x[:, 1]))
    assert np.mean(lengths) == pytest.approx(1.0, abs=5.0 * np.std(lengths) / math.sqrt(30) + 20 / n)
    assert np.mean(correlations) == pytest.approx(0.0, abs=5.0 * np.std(correlations) / math.sqrt(30))


def test_subnetworks() -> None:
    assert residual_chain([2], 1.0)(3.0, lambda x: x + 1.0) == 6.0  # the branch alone is worse than shortcuts of weight 1
    assert residual_chain([1, 1], 0.0, 1)(0.0, lambda x: x + 1.0) == 3.0


def test_solvers_say_when_there_is_nothing() -> None:
    with pytest.raises(InputError, match="a root must have a solution; got none from 1 starting points"):
        solve(lambda x: x**2 + 1.0, [(1.0,)], lambda x: True, "a root")
    with pytest.raises(InputError, match="the target 5 must lie between 0 and 1"):
        increasing(lambda x: x, 5.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dks(activations.get("tanh"), chain(5), slope=1.0), "`slope` must be greater than 1, got 1.0"),
        (lambda: dks(activations.get("identity"), chain(5)), "`identity` with C′.*must have a solution"),
        (lambda: tat(activations.get("tanh"), chain(5), curvature=0.0), "`curvature` must be positive, got 0.0"),
        (lambda: tat(activations.get("relu"), chain(5)), "asked of a smooth activation, got `relu`; use tailored_leaky_relu"),
        (lambda: tat(activations.get("hardswish"), chain(5)), "smooth activation, got `hardswish`"),
        (lambda: tailored_leaky_relu(chain(5), correlation=1.0), r"must lie in \(0, 1\), got 1.0"),
        (lambda: tailored_leaky_relu(chain(10)), r"must be at most 0.871536, where ReLU itself ends .* got 0.9"),
        (lambda: chain(0), "`depth` must be .* got 0"),
        (lambda: residual_chain([1], 1.5), r"`shortcut` must lie in \[0, 1\], got 1.5"),
    ],
)
def test_bad_arguments(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
