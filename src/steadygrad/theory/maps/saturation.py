"""Where an activation is flat."""

import math
from functools import lru_cache

import numpy as np

from steadygrad.theory.activation import SEARCH, Activation

SATURATED = 0.01


@lru_cache(maxsize=256)
def saturation_threshold(activation: Activation, fraction: float = SATURATED) -> tuple[float, float]:
    """(low, high): |φ′(x)| < 1 % of its maximum for every x below low, and for every x above high; ∓∞ without one.

    Found on a grid over [−60, 60], then by bisection to 1e-9. A unit beyond them passes less than 1e-4 of the squared
    gradient. Unbounded slopes (exp, square) have no threshold.

    Example:
        >>> from steadygrad.theory import activations
        >>> tuple(round(x, 4) for x in saturation_threshold(activations.get("tanh")))
        (-2.9932, 2.9932)
        >>> saturation_threshold(activations.get("relu"))[1]
        inf
    """
    limit = fraction * activation.max_slope
    if not 0.0 < limit < math.inf:
        return -math.inf, math.inf
    grid = np.linspace(-SEARCH, SEARCH, 24001)
    steep = np.flatnonzero(np.abs(activation.derivative(grid)) >= limit)
    first, last = int(steep[0]), int(steep[-1])
    low = -math.inf if first == 0 else _edge(activation, grid[first - 1], grid[first], limit)
    high = math.inf if last == len(grid) - 1 else _edge(activation, grid[last + 1], grid[last], limit)
    return low, high


def _edge(activation: Activation, flat: float, steep: float, limit: float) -> float:
    """Where |φ′| crosses `limit` between a flat and a steep point."""
    while abs(steep - flat) > 1e-9:
        middle = (flat + steep) / 2.0
        if abs(float(activation.derivative(middle))) < limit:
            flat = middle
        else:
            steep = middle
    return float(steep)
