"""Activations of the form x·gate(x): GELU, SiLU, Mish, hardswish."""

import math
from collections.abc import Callable

import numpy as np

from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.activations.exponential import softplus
from steadygrad.theory.activations.sigmoidal import sech_squared, sigmoid
from steadygrad.theory.error_function import erf

CUBIC = 0.044715  # Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2


def _normal_cdf(x: Array) -> Array:
    return 0.5 * (1.0 + erf(x * math.sqrt(0.5)))


def _normal_pdf(x: Array) -> Array:
    return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _gelu(approximate: str = "none") -> Activation:
    """φ(x) = x·Φ(x), or with approximate="tanh" x/2·(1 + tanh(√(2/π)(x + 0.044715 x³)))."""
    if approximate == "tanh":
        return _tanh_gelu()
    if approximate != "none":
        raise TypeError(f"`approximate` must be 'none' or 'tanh', got {approximate!r}")
    return Activation("gelu", lambda x: x * _normal_cdf(x), lambda x: _normal_cdf(x) + x * _normal_pdf(x))


def _tanh_gelu() -> Activation:
    root = math.sqrt(2.0 / math.pi)

    def inner(x: Array) -> Array:
        return root * (x + CUBIC * x**3)

    def slope(x: Array) -> Array:
        rate = root * (1.0 + 3.0 * CUBIC * x * x)
        return 0.5 * (1.0 + np.tanh(inner(x))) + 0.5 * x * sech_squared(inner(x)) * rate

    return Activation("gelu", lambda x: 0.5 * x * (1.0 + np.tanh(inner(x))), slope)


def _silu() -> Activation:
    """φ(x) = x·σ(x)."""
    return Activation("silu", lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1.0 + x * sigmoid(-x)))


def _mish() -> Activation:
    """φ(x) = x·tanh(log(1 + exp(x)))."""

    def slope(x: Array) -> Array:
        gate = softplus(x)
        return np.tanh(gate) + x * sech_squared(gate) * sigmoid(x)

    return Activation("mish", lambda x: x * np.tanh(softplus(x)), slope)


def _hardswish() -> Activation:
    """φ(x) = x·clip(x + 3, 0, 6)/6."""

    def slope(x: Array) -> Array:
        return np.where(x <= -3.0, 0.0, np.where(x >= 3.0, 1.0, (2.0 * x + 3.0) / 6.0))

    return Activation("hardswish", lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0, slope, (-3.0, 3.0))


MAKERS: dict[str, Callable[..., Activation]] = {"gelu": _gelu, "silu": _silu, "mish": _mish, "hardswish": _hardswish}
