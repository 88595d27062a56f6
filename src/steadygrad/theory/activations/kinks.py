"""Where a function bends: corners and jumps of φ, found by looking."""

from collections.abc import Callable

import numpy as np

from steadygrad.theory.activation import Array

REACH = 20.0
CELLS = 4000
NARROWEST = 1e-8


def find_kinks(phi: Callable[[Array], Array], most: int = 12) -> tuple[float, ...]:
    """Points of [−20, 20] where φ jumps or its slope does, to 1e-7: the `most` nearest to 0; () for a smooth φ.

    A smooth φ has one-sided slopes over h that differ by h·φ″, so halving h halves the difference: where the
    difference stays, φ has a corner, where it doubles, a jump. Cells of 0.01 are compared with their neighbours, and the
    suspects bisected. Fails for corners closer than 0.02 to each other, and misses slopes that differ by less than 1e-3 of the mean slope.

    Example:
        >>> [round(kink, 6) for kink in find_kinks(lambda x: np.clip(x, -1.0, 0.25))]
        [-1.0, 0.25]
        >>> find_kinks(np.tanh)
        ()
    """
    grid = np.linspace(-REACH, REACH, CELLS + 1) + 0.003  # no grid point on a round number, where corners are likely
    with np.errstate(all="ignore"):
        near = phi(np.linspace(-8.0, 8.0, 161))
    scale = float(near.max() - near.min()) / 16.0
    if not 0.0 < scale < np.inf:
        return ()

    def unit(x: Array) -> Array:
        return phi(x) / scale

    found: list[float] = []
    for index in sorted(_suspects(unit, grid), key=lambda i: abs(float(grid[i]))):
        kink = _bisected(unit, float(grid[index - 1]), float(grid[index + 1])) if len(found) < most else None
        if kink is not None and all(abs(kink - other) > 1e-6 for other in found):
            found.append(kink)
    return tuple(sorted(found))


def _suspects(phi: Callable[[Array], Array], grid: Array) -> list[int]:
    """Inner grid points around which the second difference does not fall as h² does."""
    step = float(grid[1] - grid[0])
    middle = grid[1:-1]
    coarse = _bend(phi, middle, step)
    fine = np.max([_bend(phi, middle + shift, step / 4.0) for shift in (-0.75 * step, -0.375 * step, 0.0, 0.375 * step, 0.75 * step)], axis=0)
    return (np.flatnonzero((fine > coarse / 8.0) & (coarse > 1e-3 * step)) + 1).tolist()


def _bend(phi: Callable[[Array], Array], x: Array, step: float) -> Array:
    """|φ(x + h) − 2φ(x) + φ(x − h)|: h²·φ″ where smooth, of order h at a corner, of order 1 at a jump."""
    with np.errstate(all="ignore"):
        bend = np.abs(phi(x + step) - 2.0 * phi(x) + phi(x - step))
    return np.where(np.isfinite(bend), bend, 0.0)


def _bisected(phi: Callable[[Array], Array], low: float, high: float) -> float | None:
    """The half that bends more, again and again; None where the bend vanishes like h², so φ is smooth."""
    while high - low > NARROWEST:
        quarter = (high - low) / 4.0
        centres = np.array([low + quarter, low + 2.0 * quarter, low + 3.0 * quarter])
        bends = _bend(phi, centres, quarter)
        if high - low > 1e-5 and bends.max() < 1e-4 * quarter:
            return None
        centre = float(centres[int(np.argmax(bends))])
        low, high = centre - quarter, centre + quarter
    return round(0.5 * (low + high), 7) + 0.0
