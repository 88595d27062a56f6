"""Piecewise linear (and, for hardswish, quadratic) activations: rectifiers, clips, shrinks, thresholds."""

from collections.abc import Callable

import numpy as np

from steadygrad.theory.activation import Activation, Array


def _identity() -> Activation:
    """φ(x) = x."""
    return Activation("identity", lambda x: x.copy(), np.ones_like, homogeneous=True, odd=True)


def _rectifier(name: str, slope: float) -> Activation:
    """φ(x) = x for x > 0, slope·x below."""
    return Activation(
        name,
        lambda x: np.where(x > 0.0, x, slope * x) + 0.0,  # no −0.0
        lambda x: np.where(x > 0.0, 1.0, slope),
        (0.0,),
        homogeneous=True,
        odd=slope == 1.0,
    )


def _rrelu(lower: float = 1 / 8, upper: float = 1 / 3) -> Activation:
    """PyTorch's evaluation mode: the mean slope. In training slopes vary, and E[slope²] exceeds the mean's square."""
    return _rectifier("rrelu", (lower + upper) / 2.0)


def _absolute() -> Activation:
    """φ(x) = |x|."""
    return Activation("abs", np.abs, np.sign, (0.0,), homogeneous=True)


def _clipped(name: str, low: float, high: float, slope: float = 1.0, shift: float = 0.0) -> Activation:
    """φ(x) = slope·x + shift, clipped to [low, high]."""
    if not low < high:
        raise TypeError(f"the lower end must lie below the upper one, got {low!r} and {high!r}")
    left, right = (low - shift) / slope, (high - shift) / slope
    return Activation(
        name,
        lambda x: np.clip(slope * x + shift, low, high),
        lambda x: np.where((x > left) & (x < right), slope, 0.0),
        (left, right),
        bounded=True,
        odd=low == -high and shift == 0.0,
    )


def _shrink(name: str, lambd: float, *, soft: bool) -> Activation:
    """φ(x) = x outside [−λ, λ], 0 inside; the soft form also takes λ off |x|, so that it does not jump."""

    def phi(x: Array) -> Array:
        return np.where(np.abs(x) > lambd, x - np.sign(x) * lambd if soft else x, 0.0)

    return Activation(name, phi, lambda x: (np.abs(x) > lambd).astype(np.float64), (-lambd, lambd), odd=True)


def _threshold(threshold: float = 0.0, value: float = 0.0) -> Activation:
    """φ(x) = x for x > threshold, else value."""
    return Activation(
        "threshold",
        lambda x: np.where(x > threshold, x, value),
        lambda x: (x > threshold).astype(np.float64),
        (threshold,),
        homogeneous=threshold == 0.0 and value == 0.0,
    )


MAKERS: dict[str, Callable[..., Activation]] = {
    "identity": _identity,
    "relu": lambda: _rectifier("relu", 0.0),
    "leaky_relu": lambda negative_slope=0.01: _rectifier("leaky_relu", negative_slope),
    "prelu": lambda slope=0.25: _rectifier("prelu", slope),
    "rrelu": _rrelu,
    "abs": _absolute,
    "relu6": lambda: _clipped("relu6", 0.0, 6.0),
    "hardtanh": lambda min_val=-1.0, max_val=1.0: _clipped("hardtanh", min_val, max_val),
    "hardsigmoid": lambda: _clipped("hardsigmoid", 0.0, 1.0, 1.0 / 6.0, 0.5),
    "hardshrink": lambda lambd=0.5: _shrink("hardshrink", lambd, soft=False),
    "softshrink": lambda lambd=0.5: _shrink("softshrink", lambd, soft=True),
    "threshold": _threshold,
}
