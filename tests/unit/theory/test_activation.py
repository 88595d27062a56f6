"""The record, and centring."""

import numpy as np

from steadygrad.theory import activations
from steadygrad.theory.activation import Activation, centred


def test_centred_sigmoid_is_half_tanh_of_half() -> None:
    phi, x = centred(activations.get("sigmoid")), np.linspace(-9.0, 9.0, 37)
    assert np.abs(phi.phi(x) - np.tanh(x / 2.0) / 2.0).max() < 2e-16
    assert phi.odd and phi.bounded and phi.name == "centred sigmoid"


def test_centring_what_is_centred_changes_nothing() -> None:
    assert centred(activations.get("gelu")) is activations.get("gelu")


def test_not_every_centred_activation_is_odd() -> None:
    phi = centred(activations.get("softplus"))
    assert not phi.odd and phi.phi(0.0) == 0.0
    assert not centred(activations.get("exp")).odd


def test_steepest_slope_at_a_jump_is_the_limit() -> None:
    """hardswish's slope reaches 1.5 just below 3, and is 1 at 3."""
    assert activations.get("hardswish").max_slope == 1.5


def test_slope_that_grows_is_unbounded() -> None:
    assert Activation("cube", lambda x: x**3, lambda x: 3.0 * x**2).max_slope == np.inf
