"""Starting points keep signals and gradients over depth, and name a scheme that exists."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.schemes import SCHEMES
from steadygrad.theory import activations, gaussian, maps
from steadygrad.theory.activation import centred
from steadygrad.theory.starting_point import starting_point

CRITICAL = [n for n in activations.MAKERS if n not in
            ("hardshrink", "softshrink", "softplus", "logsigmoid", "cos", "exp", "square", "tanhshrink")]  # fmt: skip


@pytest.mark.parametrize("name", activations.MAKERS)
def test_names_a_scheme_and_says_why(name: str) -> None:
    start = starting_point(activations.get(name))
    assert start.scheme in SCHEMES and start.gain > 0.0 and name in start.reason


@pytest.mark.parametrize("name", CRITICAL)
def test_gradients_and_lengths_last_for_fifty_layers(name: str) -> None:
    """By the infinite-width maps, from q where it is meant to start, or from q = 1e-3 where small signals are meant.

    There φ ∝ x − a·x³ with a ≤ 1/3 loses χ₁ = 1 − 2q and q′ = q − 2q² per layer, 1/(1 + 2·50·q) = 0.909 in all.
    """
    phi = activations.get(name)
    start = starting_point(phi)
    phi = centred(phi) if start.centred else phi
    q = first = start.q or 1e-3
    growth = 1.0
    for _ in range(50):
        growth *= maps.chi_1(phi, start.gain**2, q=q)
        q = maps.length_map(phi, start.gain**2, start.bias_variance, q)
    assert 0.9 < growth <= 1.0 + 1e-9
    assert 0.9 < q / first <= 1.0 + 1e-9


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "hardswish"])
def test_half_stable_start_survives_what_other_gains_do_not(name: str) -> None:
    """A start 20 % off and 100 layers. At the half-stable point q stays near; at the forward gain it leaves; at 1/φ′(0)
    with zero biases it grows like (σ_w²/2)^layers, because φ(x) → x on one side and 0 on the other."""
    phi, start = activations.get(name), starting_point(activations.get(name))
    ends = []
    for weight, bias, begin in (
        (start.gain**2, start.bias_variance, start.q),
        (gaussian.forward_gain(phi) ** 2, 0.0, 1.0),
        (float(phi.derivative(0.0)) ** -2, 0.0, 1.0),
    ):
        q = 1.2 * begin
        for _ in range(100):
            q = maps.length_map(phi, weight, bias, q)
        ends.append(q / begin)
    assert 0.7 < ends[0] < 1.5
    assert ends[1] > 30.0 and ends[2] > 0.01 * (weight / 2.0) ** 100 > 1e10


def test_sigmoid_is_told_the_centred_form() -> None:
    start = starting_point(activations.get("sigmoid"))
    assert (start.gain, start.centred, start.bias_variance) == (4.0, True, 0.0)
    assert "biases are −0.5·(row sums of the weights)" in start.reason


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3])
def test_rectifiers(slope: float) -> None:
    start = starting_point(activations.get("leaky_relu", negative_slope=slope))
    assert start.gain == pytest.approx(math.sqrt(2.0 / (1.0 + slope**2)), abs=1e-13)
    assert (start.scheme, start.centred) == ("he_normal", False)


def test_without_a_critical_point_the_reason_says_what_is_lost() -> None:
    assert "χ₁ = 0.3185 per layer" in starting_point(activations.get("softplus")).reason
    assert "repels" in starting_point(activations.get("square")).reason


def test_what_passes_nothing_has_no_start() -> None:
    nothing = activations.from_callable(lambda x: np.zeros_like(x), np.zeros_like, name="nothing")
    with pytest.raises(InputError, match=r"`nothing` must pass something at q = 1, got E\[φ²\] = 0"):
        starting_point(nothing)
