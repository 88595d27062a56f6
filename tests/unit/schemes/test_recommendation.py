"""What is recommended is theory's starting point as a scheme, and the range said to be alive is."""

import math

import numpy as np
import pytest
import torch

from steadygrad import schemes
from steadygrad.errors import InputError, TargetError
from steadygrad.theory import activations, maps
from steadygrad.theory.starting_point import starting_point


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "selu", "softplus"])
def test_it_is_theorys_starting_point(name: str) -> None:
    told, start = schemes.recommend(name, 5), starting_point(activations.get(name))
    assert (told.scheme.name, told.gain, told.bias_variance, told.centred) == (start.scheme, start.gain, start.bias_variance, start.centred)
    assert told.reason.startswith(start.reason) and name in str(told)


@pytest.mark.parametrize(("name", "gain"), [("relu", math.sqrt(2.0)), ("identity", 1.0)])
@pytest.mark.parametrize("depth", [10, 50])
def test_scale_keeping_units_live_within_1000_to_the_1_over_2_depth(name: str, gain: float, depth: int) -> None:
    """q is multiplied by (g/gain)² in every layer."""
    low, high = schemes.recommend(name, depth).alive
    edge = 1000.0 ** (0.5 / depth)
    assert (low, high) == (pytest.approx(gain / edge, rel=2**-12), pytest.approx(gain * edge, rel=2**-12))


def test_a_real_chain_lives_inside_and_dies_outside() -> None:
    """50 layers of 200 tanh units. Log gradients of one draw fluctuate by √(2·50/200)·e^… ≈ 0.7; gains stand 3 nats off the edges."""
    low, high = schemes.recommend("tanh").alive
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((50, 200, 200)) / math.sqrt(200.0)

    def grown(gain: float) -> float:
        x, slopes = rng.standard_normal((8, 200)), []
        for w in matrices:
            x = np.tanh(gain * x @ w)
            slopes.append(1.0 - x**2)
        g = start = rng.standard_normal((8, 200))
        for w, slope in zip(matrices[::-1], slopes[::-1], strict=True):
            g = gain * (g * slope) @ w.T
        return abs(math.log(np.mean(g**2) / np.mean(start**2)))

    inside = (1.1, 1.3)
    assert all(low < gain < high and grown(gain) < math.log(1000.0) for gain in inside)
    assert grown(low * 0.95) > math.log(1000.0) and grown(high * 1.15) > math.log(1000.0)


def test_the_sigmoid_has_no_critical_point_of_use() -> None:
    """With zero biases χ₁ at the fixed point is below 1 up to gain 10.1, by a grid of gains as by what the reason says."""
    told = schemes.recommend("sigmoid")
    assert told.centred and "no critical point at any gain below 10.1" in told.reason
    phi = activations.get("sigmoid")
    assert max(maps.chi_1(phi, gain**2) for gain in np.linspace(0.5, 10.1, 25)) < 1.0 < maps.chi_1(phi, 10.2**2)
    assert maps.q_star(phi, 10.15**2).q > 6.5**2  # nine in ten inputs beyond ±0.8, where the slope is below 0.214
    assert schemes.recommend("softplus").alive is None and "no gain keeps" in str(schemes.recommend("softplus"))


def test_callables_are_what_they_compute() -> None:
    for function, name in ((np.tanh, "tanh"), (lambda x: np.maximum(x, 0.0), "relu"), (lambda x: 1 / (1 + np.exp(-x)), "sigmoid"), (torch.relu, "relu")):
        told, known = schemes.recommend(function, 5), schemes.recommend(name, 5)
        assert (told.scheme, told.centred) == (known.scheme, known.centred) and told.gain == pytest.approx(known.gain, rel=1e-6)
    assert schemes.recommend(activations.get("leaky_relu", negative_slope=0.3), 5).gain == pytest.approx(math.sqrt(2.0 / 1.09))
    assert 0.5 < schemes.recommend(lambda x: x + np.sin(x) ** 2, 5).gain < 1.5  # snake


@pytest.mark.parametrize(("activation", "depth", "error", "message"), [
    ("rleu", 50, TargetError, "try relu"), (3, 50, InputError, "vectorized NumPy function, got 3"), ("relu", 0, InputError, "at least 1, got 0"),
    (torch.nn.ReLU(), 50, InputError, "such as 'relu'"), (lambda x: 0 * x, 50, InputError, "must pass something"),
    (lambda x: x.sum(), 50, InputError, "vectorized"), ("glu", 50, TargetError, "does not act on each element"),
])  # fmt: skip
def test_what_cannot_be_recommended_for_is_refused(activation: object, depth: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        schemes.recommend(activation, depth)
