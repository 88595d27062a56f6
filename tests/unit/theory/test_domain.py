"""Arguments that mean nothing are named, with their value."""

import math
from collections.abc import Callable

import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, domain, maps

TANH = activations.get("tanh")


@pytest.mark.parametrize(
    "call",
    [
        lambda: maps.length_map(TANH, -1.0, 0.0, 1.0),
        lambda: maps.length_slope(TANH, -1.0, 1.0),
        lambda: maps.correlation_map(TANH, -1.0, 0.0, 1.0, 0.5),
        lambda: maps.correlation_slope(TANH, -1.0, 1.0, 0.5),
        lambda: maps.chi_1(TANH, -1.0, q=1.0),
        lambda: domain.require_variances(-1.0),
    ],
)
def test_negative_weight_variance(call: Callable[[], object]) -> None:
    with pytest.raises(InputError, match=r"`weight_variance` and `bias_variance` must be finite and at least 0, got -1.0 and 0.0"):
        call()


@pytest.mark.parametrize("bias", [-0.1, math.nan, math.inf])
def test_negative_bias_variance(bias: float) -> None:
    with pytest.raises(InputError, match=f"got 1.0 and {bias}"):
        maps.length_map(TANH, 1.0, bias, 1.0)


@pytest.mark.parametrize("q", [0.0, -1.0, math.nan, math.inf])
def test_lengths(q: float) -> None:
    with pytest.raises(InputError, match=f"`q` must be finite and positive, got {q}"):
        domain.require_length(q)


def test_negative_second_moments() -> None:
    with pytest.raises(InputError, match="second moment `q` must be finite and at least 0, got -2.0"):
        maps.critical_point(TANH, -2.0)


@pytest.mark.parametrize("depth", [0, -3, 1.5, math.inf, math.nan, "three"])
def test_depths(depth: float) -> None:
    with pytest.raises(InputError, match=f"`depth` must be a whole number of layers, at least 1, got {depth!r}"):
        domain.require_depth(depth)


@pytest.mark.parametrize("widths", [[], [4, 0]])
def test_widths(widths: list[int]) -> None:
    with pytest.raises(InputError, match=r"`widths` must name at least one layer, each of at least 1 unit, got \["):
        domain.require_widths(widths)
