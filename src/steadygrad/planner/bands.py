"""Least squares over what lies outside of bands: the convex problem behind the moves of a measured plan."""

from typing import NamedTuple

import numpy as np

from steadygrad.graph.ops.flow import Array

REST = 1e-3  # pull towards no move
STEPS = 60


class Band(NamedTuple):
    """Logarithms of second moments as they are, their slopes in x, and how far apart they may lie; `top` for those that must not exceed it."""

    values: Array
    slopes: Array
    width: float
    weight: float = 1.0
    top: Array | None = None

    def off(self, x: Array, middle: float) -> Array:
        """By how much each lies outside after the moves x, of a band around `middle`."""
        now = self.values + self.slopes @ x
        if self.top is not None:
            return np.maximum(now - self.top, 0.0)
        return now - np.clip(now, middle - self.width / 2.0, middle + self.width / 2.0)

    def extent(self, x: Array) -> float:
        """How far apart they lie after the moves x."""
        return float(np.ptp(self.values + self.slopes @ x))


def least(bands: list[Band], count: int, reach: float) -> Array:
    """The moves that minimize the sum of squares, which is convex in moves and middles together: Newton steps, shortened until it falls.

    What stands at its limit and is pushed beyond it is left out of a step.
    """
    point = np.concatenate([np.zeros(count), [(band.values.max() + band.values.min()) / 2.0 for band in bands]])
    limits = np.concatenate([np.full(count, reach), np.full(len(bands), np.inf)])
    ridge = np.concatenate([np.full(count, REST), np.full(len(bands), 1e-9)])
    value = _cost(bands, point, ridge)
    for _ in range(STEPS):
        slope, curvature = _derivatives(bands, point, ridge)
        free = (np.abs(point) < limits) | (point * slope > 0.0)
        step = np.zeros_like(point)
        step[free] = -np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        tried = next((t for k in range(12) if _cost(bands, t := np.clip(point + 0.5**k * step, -limits, limits), ridge) < value), None)
        if tried is None:
            break
        before, value, point = value, _cost(bands, tried, ridge), tried
        if before - value < 1e-4 * before:
            break
    return point[:count]


def _cost(bands: list[Band], point: Array, ridge: Array) -> float:
    """Half the sum of squares at (moves, middles)."""
    count = len(point) - len(bands)
    outside = sum(band.weight**2 * float(np.sum(band.off(point[:count], point[count + k]) ** 2)) for k, band in enumerate(bands))
    return 0.5 * (float(ridge[:count] @ point[:count] ** 2) + outside)


def _derivatives(bands: list[Band], point: Array, ridge: Array) -> tuple[Array, Array]:
    """The gradient of `_cost`, and its second derivative where no bound is crossed."""
    count = len(point) - len(bands)
    slope, curvature = np.concatenate([ridge[:count] * point[:count], np.zeros(len(bands))]), np.diag(ridge)
    for k, band in enumerate(bands):
        off = band.off(point[:count], point[count + k])
        outside = off != 0.0
        rows = np.zeros((int(outside.sum()), len(point)))
        rows[:, :count] = band.slopes[outside]
        rows[:, count + k] = 0.0 if band.top is not None else -1.0
        slope += band.weight**2 * rows.T @ off[outside]
        curvature += band.weight**2 * rows.T @ rows
    return slope, curvature
