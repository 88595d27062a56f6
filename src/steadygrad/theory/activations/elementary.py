"""Elementary functions that models use as activations: sin, cos, exp, square."""

from collections.abc import Callable

import numpy as np

from steadygrad.theory.activation import Activation


def _exp() -> Activation:
    """φ(x) = exp(x); E[φ²] = exp(2q), so no depth is survived."""
    return Activation("exp", np.exp, np.exp)


MAKERS: dict[str, Callable[..., Activation]] = {
    "sin": lambda: Activation("sin", np.sin, np.cos, bounded=True, odd=True),
    "cos": lambda: Activation("cos", np.cos, lambda x: -np.sin(x), bounded=True),
    "exp": _exp,
    "square": lambda: Activation("square", np.square, lambda x: 2.0 * x),
}
