"""Gaussian averages of one activation at many second moments at once, from a table that is made when first asked for."""

import math
from functools import cached_property, lru_cache

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array

DECADES = (-12, 7)
STEPS = 10  # a decade; log-log interpolation between is good to 1e-3 (tested)
TERMS = 64
GRID = np.linspace(-8.0, 8.0, 1600)  # an even count: no point at 0, where many functions have a corner
WEIGHTS = np.exp(-0.5 * GRID**2) / np.exp(-0.5 * GRID**2).sum()


class MomentTable:
    """E[φ²], E[φ′²], mean and correlation maps of φ(√q·z), z ~ N(0, 1), for arrays of q.

    Homogeneous functions need one row. For the others q is looked up between 1e−12 and 1e7 in steps of a tenth of a decade,
    interpolated in logarithms; beyond, the last step's power law goes on. Where an average diverges it is inf.

    Example:
        >>> from steadygrad.theory import activations
        >>> MomentTable(activations.get("relu")).second(np.array([1.0, 4.0])).tolist()
        [0.5, 2.0]
    """

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def second(self, q: Array) -> Array:
        """E[φ(√q z)²]."""
        if self.activation.homogeneous:
            return self._at_one[0] * q
        return self._read(self._seconds, q)

    def slope(self, q: Array) -> Array:
        """E[φ′(√q z)²]."""
        if self.activation.homogeneous:
            return np.full_like(q, self._at_one[1])
        return self._read(self._slopes, q)

    def slope_of_largest(self, q: Array, count: int) -> Array:
        """E[φ′(√q z)²] where z is the largest of `count` independent normal values, as below a max-pool.

        Density count·φ(z)·Φ(z)^(count−1); David & Nagaraja 2003, Order Statistics, eq. 2.1.6.

        Example:
            >>> from steadygrad.theory import activations
            >>> round(float(MomentTable(activations.get("relu")).slope_of_largest(np.ones(1), 4)[0]), 2)  # 1 − 2⁻⁴
            0.94
        """
        below = np.cumsum(WEIGHTS) - WEIGHTS / 2.0
        weights = WEIGHTS * below ** (count - 1)
        slopes = self.activation.derivative(np.sqrt(q)[:, None] * GRID[None, :]) ** 2
        return np.asarray(slopes @ (weights / weights.sum()))

    def offset(self, q: Array, mean: Array | float, one_sided: bool = False) -> tuple[Array, float]:
        """E[φ(x)²] and the first one's share of its mean, for x ~ N(±√(|mean|·q), (1 − |mean|)·q) with the sign of `mean`.

        What is `one_sided` is nowhere of the other sign, and 0 where the normal value would be.

        Example:
            >>> from steadygrad.theory import activations
            >>> second, share = MomentTable(activations.get("relu")).offset(np.ones(1), 1.0)  # a constant 1 passes
            >>> second, round(share, 12)
            (array([1.]), 1.0)
        """
        values = self.activation.phi(_offset(q, mean, one_sided))
        second = np.asarray(values**2 @ WEIGHTS)
        average = float(values[0] @ WEIGHTS)
        return second, min(average * average / float(second[0]), 1.0) if second[0] > 0.0 else 0.0

    def offset_slope(self, q: Array, mean: Array | float, one_sided: bool = False) -> Array:
        """E[φ′(x)²] for the same x."""
        return np.asarray(self.activation.derivative(_offset(q, mean, one_sided)) ** 2 @ WEIGHTS)

    def mean_share(self, q: float) -> float:
        """E[φ]²/E[φ²]: how much of the second moment is one common offset."""
        second = _safely(gaussian.second_moment, self.activation, _step(q))
        mean = _safely(gaussian.mean, self.activation, _step(q))
        return min(mean * mean / second, 1.0) if 0.0 < second < math.inf else 0.0

    def correlation(self, q: float, c: float) -> float:
        """E[φφ]/E[φ²] for two pre-activations of correlation c; by Hermite series, good to 1e-3 (tested against quadrature)."""
        return _power_series(_series(self.activation, _step(q), False), c)

    def slope_correlation(self, q: float, c: float) -> float:
        """E[φ′φ′]/E[φ′²], by which gradients at two positions grow apart."""
        return _power_series(_series(self.activation, _step(q), True), c)

    @cached_property
    def _at_one(self) -> tuple[float, float]:
        return gaussian.second_moment(self.activation), gaussian.slope_moment(self.activation)

    @cached_property
    def _grid(self) -> Array:
        return np.linspace(*DECADES, (DECADES[1] - DECADES[0]) * STEPS + 1)

    @cached_property
    def _seconds(self) -> Array:
        return self._table(gaussian.second_moment)

    @cached_property
    def _slopes(self) -> Array:
        return self._table(gaussian.slope_moment)

    def _table(self, average: object) -> Array:
        values = np.array([_safely(average, self.activation, 10.0**x) for x in self._grid])
        return np.log10(np.maximum(values, 1e-300))

    def _read(self, table: Array, q: Array) -> Array:
        x = np.log10(np.maximum(q, 1e-300))
        inside = np.interp(x, self._grid, table)
        below, above = x < self._grid[0], x > self._grid[-1]
        if below.any() or above.any():
            first, last = (table[1] - table[0]) * STEPS, (table[-1] - table[-2]) * STEPS
            inside = np.where(below, table[0] + (x - self._grid[0]) * first, inside)
            inside = np.where(above, table[-1] + (x - self._grid[-1]) * last, inside)
        with np.errstate(over="ignore"):
            return np.asarray(10.0**inside)


def _offset(q: Array, mean: Array | float, one_sided: bool) -> Array:
    signed = np.broadcast_to(mean, q.shape)[:, None]
    share = np.minimum(np.abs(signed), 1.0)
    values = np.copysign(np.sqrt(share), signed) + np.sqrt(1.0 - share) * GRID[None, :]
    if one_sided:
        values = np.where(values * np.sign(signed) > 0.0, values, 0.0)
    return np.asarray(np.sqrt(q)[:, None] * values)


@lru_cache(maxsize=256)
def table(activation: Activation) -> MomentTable:
    """The table of an activation, kept."""
    return MomentTable(activation)


def _step(q: float) -> float:
    """q to a hundredth of a decade, so that equal questions are asked once."""
    return float(10.0 ** round(math.log10(min(max(q, 1e-12), 1e7)), 2))


def _safely(average: object, activation: Activation, q: float) -> float:
    try:
        return float(average(activation, q))  # type: ignore[operator]
    except InputError:
        return math.inf


@lru_cache(maxsize=1)
def _polynomials() -> Array:
    """Normalized Hermite polynomials on the grid, each row times the weights."""
    rows = [np.ones_like(GRID), GRID]
    for k in range(2, TERMS):
        rows.append((GRID * rows[-1] - math.sqrt(k - 1.0) * rows[-2]) / math.sqrt(k))
    return np.array(rows) * WEIGHTS


@lru_cache(maxsize=4096)
def _series(activation: Activation, q: float, slope: bool) -> Array:
    """Shares of E[f²] by degree of the Hermite series of f(√q z); the last holds all that is left."""
    if activation.homogeneous and q != 1.0:
        return _series(activation, 1.0, slope)
    values = (activation.derivative if slope else activation.phi)(math.sqrt(q) * GRID)
    total = float(values**2 @ WEIGHTS)
    if not 0.0 < total < math.inf:
        return np.ones(1)
    shares = (_polynomials() @ values) ** 2 / total
    return np.append(shares, max(1.0 - float(shares.sum()), 0.0))


def _power_series(shares: Array, c: float) -> float:
    """Σₖ aₖ² cᵏ, Mehler's formula for E[f(u₁)f(u₂)]/E[f²] at correlation c."""
    return min(max(float(np.polynomial.polynomial.polyval(min(max(c, -1.0), 1.0), shares)), -1.0), 1.0)
