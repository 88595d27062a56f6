"""S-shaped activations, which saturate on both sides, and tanhshrink, what tanh leaves of x."""

import math
from collections.abc import Callable

import numpy as np

from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.error_function import erf


def sigmoid(x: Array) -> Array:
    """1/(1 + exp(−x)), to full relative accuracy in both tails."""
    return np.exp(-np.logaddexp(0.0, -x))


def sech_squared(x: Array) -> Array:
    """1/cosh²(x) = tanh′(x), to full relative accuracy; 0 where cosh² overflows."""
    return np.cosh(np.minimum(np.abs(x), 350.0)) ** -2.0


def _sigmoid() -> Activation:
    """φ(x) = 1/(1 + exp(−x)); φ′ = φ(x)·φ(−x)."""
    return Activation("sigmoid", sigmoid, lambda x: sigmoid(x) * sigmoid(-x), bounded=True)


def _tanh() -> Activation:
    """φ(x) = tanh(x)."""
    return Activation("tanh", np.tanh, sech_squared, bounded=True, odd=True)


def _softsign() -> Activation:
    """φ(x) = x/(1 + |x|)."""
    return Activation(
        "softsign",
        lambda x: x / (1.0 + np.abs(x)),
        lambda x: (1.0 + np.abs(x)) ** -2.0,
        (0.0,),
        bounded=True,
        odd=True,
    )


def _erf() -> Activation:
    """φ(x) = erf(x)."""
    return Activation("erf", erf, lambda x: 2.0 / math.sqrt(math.pi) * np.exp(-x * x), bounded=True, odd=True)


def _tanhshrink() -> Activation:
    """φ(x) = x − tanh(x); its slope is 0 at the origin, so small signals die."""
    return Activation("tanhshrink", lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2, odd=True)


MAKERS: dict[str, Callable[..., Activation]] = {
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "softsign": _softsign,
    "erf": _erf,
    "tanhshrink": _tanhshrink,
}
