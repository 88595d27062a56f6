"""Gated units against sampled layers."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError, TargetError
from steadygrad.theory import activations
from steadygrad.theory.gated_units import GATES, gated_chi_1, gated_correlation_map, gated_length_map


@pytest.mark.parametrize("name", GATES)
def test_sampled_gates(name: str) -> None:
    """Products, covariances and squared slopes of 400 000 pairs; five standard errors."""
    rng, gate, q, c, weight = np.random.default_rng(2), activations.get(GATES[name]), 0.8, 0.4, 1.3
    first = rng.normal(scale=math.sqrt(q), size=(2, 400_000))
    second = c * first + math.sqrt(1.0 - c * c) * rng.normal(scale=math.sqrt(q), size=first.shape)
    (a, b), (d, e) = first, second
    out, other = a * gate.phi(b), d * gate.phi(e)
    length = gated_length_map(gate, weight, 0.1, q)
    for seen, expected in (
        (weight * out**2 + 0.1, length),
        ((weight * out * other + 0.1) / length, gated_correlation_map(gate, weight, 0.1, q, c)),
        (weight * (gate.phi(b) ** 2 + (a * gate.derivative(b)) ** 2), gated_chi_1(gate, weight, q)),
    ):
        assert seen.mean() == pytest.approx(expected, abs=5.0 * seen.std() / math.sqrt(seen.size))


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="`q` must be finite and positive, got 0.0"):
        gated_length_map(activations.get("relu"), 1.0, 0.0, 0.0)
    with pytest.raises(InputError, match="got -1.0 and 0.0"):
        gated_chi_1(activations.get("relu"), -1.0, 1.0)
    with pytest.raises(TargetError, match="`glu` does not act on each element by itself.*gated_units"):
        activations.get("glu")
