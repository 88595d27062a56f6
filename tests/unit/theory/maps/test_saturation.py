"""Where an activation is flat."""

import math

import pytest

from steadygrad.theory import activations, maps


@pytest.mark.parametrize(
    ("name", "edge"),
    [
        ("sigmoid", -math.log((1.0 - math.sqrt(0.99)) / (1.0 + math.sqrt(0.99)))),  # σ(1 − σ) = 0.0025
        ("tanh", math.atanh(math.sqrt(0.99))),
        ("erf", math.sqrt(math.log(100.0))),
        ("softsign", 9.0),
        ("hardtanh", 1.0),
        ("hardsigmoid", 3.0),
    ],
)
def test_two_sided(name: str, edge: float) -> None:
    assert maps.saturation_threshold(activations.get(name)) == pytest.approx((-edge, edge), abs=2e-9)


@pytest.mark.parametrize(("name", "edge"), [("elu", -math.log(100.0)), ("softplus", -math.log(99.0)), ("relu", 0.0)])
def test_one_sided(name: str, edge: float) -> None:
    low, high = maps.saturation_threshold(activations.get(name))
    assert low == pytest.approx(edge, abs=2e-9) and high == math.inf


@pytest.mark.parametrize("name", ["identity", "leaky_relu", "sin", "exp", "square", "tanhshrink"])
def test_never(name: str) -> None:
    assert maps.saturation_threshold(activations.get(name)) == (-math.inf, math.inf)


def test_fraction() -> None:
    assert maps.saturation_threshold(activations.get("tanh"), 0.5)[1] == pytest.approx(math.atanh(0.5**0.5), abs=2e-9)
