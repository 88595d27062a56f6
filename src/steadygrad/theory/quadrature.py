"""Gauss–Legendre panels for averages over a standard normal, split where the integrand is not smooth.

    E[f(z)] ≈ Σᵢ wᵢ f(zᵢ)   on [−13, 13];   P(|z| > 13) = 1e-38

Panels of width 1 with 16 nodes integrate polynomial × density to rounding; they are split at kinks, and narrow towards
points where the integrand changes on a finer scale than 1.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REACH = 13.0
EDGES = tuple(np.linspace(-REACH, REACH, 27).tolist())
ORDER = 16
GRADING = tuple(sign * 2.0**k for k in range(-1, 7) for sign in (-1.0, 1.0))
X, W = np.polynomial.legendre.leggauss(ORDER)


@lru_cache(maxsize=256)
def rule(breaks: tuple[float, ...] = ()) -> tuple[Array, Array]:
    """Nodes and weights, with panel edges at `breaks` besides the integers.

    Example:
        >>> nodes, weights = rule()
        >>> round(float(weights @ nodes**4), 12)
        3.0
    """
    bounds = np.array(sorted({*EDGES, *(b for b in breaks if -REACH < b < REACH)}))
    return panels(bounds[:-1], bounds[1:])


def panels(left: Array, right: Array) -> tuple[Array, Array]:
    """Nodes and weights on the panels [left, right], flattened along the last axis; an empty panel weighs nothing."""
    middle, half = (left + right)[..., None] / 2.0, (right - left)[..., None] / 2.0
    nodes = middle + half * X
    weights = half * W * np.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)
    shape = (*left.shape[:-1], -1)
    return nodes.reshape(shape), weights.reshape(shape)


def breaks_of(kinks: tuple[float, ...], scale: float) -> tuple[float, ...]:
    """Panel edges, in z, for an integrand f(scale·z): its kinks, and steps of 2ᵏ around f's origin when scale > 1.

    The activations change on a scale of 1 around 0, which is 1/scale in z.
    """
    if scale == 0.0:
        return ()
    around = GRADING if scale > 1.0 else ()
    return tuple(point / scale for point in (*kinks, *((0.0, *around) if around else ())))


def graded(points: tuple[float, ...], width: float) -> tuple[float, ...]:
    """`points`, and edges at width·2ᵏ on both sides of each: for an integrand that turns over `width` there."""
    return tuple(point + width * step for point in points for step in (0.0, *GRADING))
