"""The record of an activation: φ, φ′ and the facts theory asks about."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]

SEARCH = 60.0  # the steepest slope is looked for in [−60, 60] …
FAR = 1e6  # … and counts as unbounded when the slope is greater still out here


@dataclass(frozen=True)
class Activation:
    """φ and φ′, vectorized in float64.

    At a kink φ′ is the value PyTorch's autograd takes. Where φ jumps (hardshrink, threshold) φ′ is what autograd
    sees too, so the point mass of the true derivative is missing: averages of φ′² then describe gradients only.

    Attributes:
        name: PyTorch's functional name.
        kinks: points where φ or φ′ is not smooth; integrals are split there.
        bounded: sup|φ| is finite.
        homogeneous: φ(a·x) = a·φ(x) for a > 0, so the right gain keeps every scale.
        odd: φ(−x) = −φ(x).
        parameters: what it was made with.

    Example:
        >>> Activation("cube", lambda x: x**3, lambda x: 3 * x**2, odd=True).phi(2.0).item()
        8.0
    """

    name: str
    _phi: Function = field(repr=False)
    _derivative: Function = field(repr=False)
    kinks: tuple[float, ...] = ()
    bounded: bool = False
    homogeneous: bool = False
    odd: bool = False
    parameters: tuple[tuple[str, float | str], ...] = ()

    def phi(self, x: ArrayLike) -> Array:
        """φ(x), elementwise."""
        return self._phi(np.asarray(x, dtype=np.float64))

    def derivative(self, x: ArrayLike) -> Array:
        """φ′(x), elementwise."""
        return self._derivative(np.asarray(x, dtype=np.float64))

    @cached_property
    def max_slope(self) -> float:
        """max|φ′|, to 1e-9; ∞ where φ′ grows without bound.

        Read off a grid of spacing 0.005 over [−60, 60] and both sides of every kink, then off a finer grid around the
        best point. A steeper spot narrower than the grid is missed.
        """
        sides = [np.nextafter(kink, way) for kink in self.kinks for way in (-np.inf, np.inf)]
        grid = np.sort(np.concatenate([np.linspace(-SEARCH, SEARCH, 24001), np.asarray(sides, dtype=np.float64)]))
        with np.errstate(over="ignore", invalid="ignore"):
            slopes = np.abs(self.derivative(grid))
            outside = np.abs(self.derivative([-FAR, FAR]))
        best = int(np.argmax(slopes))
        if not np.all(outside <= 1.01 * slopes[best]):
            return math.inf
        near = np.abs(self.derivative(np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 20001)))
        return float(max(near.max(), slopes[best]))


def centred(activation: Activation) -> Activation:
    """φ − φ(0): what a network of φ computes when each layer's bias is −φ(0)·(row sums of its weights).

        Σⱼ wᵢⱼ φ(xⱼ) + bᵢ = Σⱼ wᵢⱼ (φ(xⱼ) − φ(0))   with   bᵢ = −φ(0)·Σⱼ wᵢⱼ

    An identity, not an approximation, at initialization; training then moves the biases freely. For the sigmoid,
    σ(x) − ½ = tanh(x/2)/2: the centred network *is* a tanh network.

    Example:
        >>> from steadygrad.theory import activations
        >>> centred(activations.get("sigmoid")).odd
        True
    """
    origin = float(activation.phi(0.0))
    if origin == 0.0:
        return activation

    def phi(x: Array) -> Array:
        return activation.phi(x) - origin

    x = np.concatenate([np.linspace(0.01, 8.0, 200), [20.0, 50.0]])
    with np.errstate(over="ignore"):
        odd = bool(np.allclose(phi(-x), -phi(x), rtol=1e-13, atol=1e-13))
    return Activation(
        f"centred {activation.name}",
        phi,
        activation.derivative,
        activation.kinks,
        bounded=activation.bounded,
        odd=odd,
        parameters=activation.parameters,
    )
