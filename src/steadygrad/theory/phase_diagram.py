"""ξ_c over a grid of (σ_w², σ_b²), fast enough to draw: moments tabulated over q, the correlation map as a power series.

    E[φ(u₁)φ(u₂)] = Σ_k a_k(q)² c^k,   a_k(q) = E[φ(√q z) He_k(z)]/√k!            (Mehler; c* and its slope by bisection)

Agrees with `depth_scale.depth_scales`, which integrates at every point, to about 1 % away from the critical line, 3 % for φ with corners.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.maps import CriticalPoint, critical_point
from steadygrad.theory.quadrature import breaks_of, rule

Mask = NDArray[np.bool_]
SMALLEST, LARGEST, STEPS = 1e-7, 1e6, 400
TERMS = 128
MARGINAL = 1e-9


@dataclass(frozen=True)
class Diagram:
    """A grid of depth scales.

    Attributes:
        weight_variances, bias_variances: of columns and rows, (n,), (m,).
        xi_c: layers, (m, n); nan where lengths grow without bound.
        chi_1: (m, n); nan there too.
        line: critical points inside the grid's ranges, by rising q*.
    """

    weight_variances: Array
    bias_variances: Array
    xi_c: Array
    chi_1: Array
    line: list[CriticalPoint]


def phase_diagram(activation: Activation, weight_variances: ArrayLike, bias_variances: ArrayLike) -> Diagram:
    """The diagram over every pair of the given variances.

    Raises:
        InputError: no values, or negative ones.

    Example:
        >>> from steadygrad.theory import activations
        >>> found = phase_diagram(activations.get("tanh"), [1.3, 2.5], [0.05])
        >>> found.xi_c.round(1).tolist()  # 7.834 and 11.796 by quadrature
        [[7.8, 11.8]]
    """
    w, b = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (weight_variances, bias_variances))
    if not (w.size and b.size and np.all(w >= 0.0) and np.all(b >= 0.0) and np.isfinite(w).all() and np.isfinite(b).all()):
        raise InputError(f"variances must be finite and at least 0, got {w.tolist()} and {b.tolist()}")
    table = _Table(activation)
    weights, biases = (a.ravel() for a in np.meshgrid(w, b))
    log_q, grows = table.settled(weights, biases)
    chi = weights * table.at(log_q, table.slope)
    slope = np.minimum(chi, 1.0)
    chaotic = np.flatnonzero((chi > 1.0 + 1e-6) & ~grows)
    slope[chaotic] = table.slope_at_c_star(weights[chaotic], biases[chaotic], log_q[chaotic])
    with np.errstate(divide="ignore"):
        xi = 1.0 / np.abs(np.log(np.clip(slope, 1e-300, None)))
    shape = (b.size, w.size)
    xi, chi = np.where(grows, np.nan, xi).reshape(shape), np.where(grows, np.nan, chi).reshape(shape)
    return Diagram(w, b, xi, chi, critical_line(activation, float(w.max()), float(b.max())))


def critical_line(activation: Activation, weight_limit: float, bias_limit: float) -> list[CriticalPoint]:
    """Admissible critical points with σ_w² and σ_b² within limits, by rising q*; a single one for homogeneous activations.

    Example:
        >>> from steadygrad.theory import activations
        >>> [point.weight_variance.__round__(9) for point in critical_line(activations.get("relu"), 4.0, 1.0)]
        [2.0]
        >>> critical_line(activations.get("softplus"), 4.0, 1.0)
        []
    """
    found = []
    for q in (1.0,) if activation.homogeneous else np.geomspace(1e-6, 1e3, 181):
        try:
            point = critical_point(activation, float(q))
        except InputError:  # averages diverge from here on
            break
        if point.admissible and point.weight_variance <= weight_limit and point.bias_variance <= bias_limit:
            found.append(point)
    return found


class _Table:
    """Second moments, slope moments and squared Hermite coefficients over log q."""

    def __init__(self, activation: Activation) -> None:
        q, second, slope, series = [], [], [], []
        for value in np.geomspace(SMALLEST, LARGEST, STEPS):
            try:
                second.append(gaussian.second_moment(activation, float(value)))
                slope.append(gaussian.slope_moment(activation, float(value)))
            except InputError:  # φ grows so fast that averages diverge from here on
                second = second[: len(slope)]
                break
            squares = _hermite(activation, float(value)) ** 2
            squares[-1] += max(second[-1] - float(squares.sum()), 0.0)
            series.append(squares)
            q.append(math.log(value))
        self.log_q, self.second, self.slope, self.series = np.array(q), np.array(second), np.array(slope), np.array(series)

    def at(self, log_q: Array, values: Array) -> Array:
        """Interpolate in log q."""
        return np.interp(log_q, self.log_q, values)

    def settled(self, w: Array, b: Array) -> tuple[Array, Mask]:
        """log q* (the table's ends where there is none), and where lengths grow: the first zero of the drift from q = 1."""
        q = np.exp(self.log_q)
        drift = (w[:, None] * self.second + b[:, None]) / q - 1.0
        one, count = int(np.argmin(np.abs(self.log_q))), self.log_q.size
        up: Mask = drift[:, one] > MARGINAL
        above, below = drift[:, one:] <= MARGINAL, drift[:, one::-1] >= -MARGINAL
        first_above, first_below = one + above.argmax(axis=1), one - below.argmax(axis=1)
        left = np.where(up, np.maximum(first_above - 1, 0), first_below)
        right = np.where(up, first_above, np.minimum(first_below + 1, count - 1))
        rows = np.arange(w.size)
        high, low = drift[rows, left], drift[rows, right]
        share = np.where(high - low > 1e-12, high / np.where(high - low > 1e-12, high - low, 1.0), 0.0)
        found = self.log_q[left] + np.clip(share, 0.0, 1.0) * (self.log_q[right] - self.log_q[left])
        grows, dies = up & ~above.any(axis=1), ~up & ~below.any(axis=1)
        found = np.where(grows, self.log_q[-1], np.where(dies, self.log_q[0], found))
        still = np.abs(drift[:, one]) <= MARGINAL
        return np.where(still, self.log_q[one], found), grows

    def slope_at_c_star(self, w: Array, b: Array, log_q: Array) -> Array:
        """dc_l/dc at the fixed point below 1, for chaotic points: w·Σ k a_k² c^{k−1}/q."""
        if w.size == 0:
            return w
        series = np.stack([self.at(log_q, self.series[:, k]) for k in range(TERMS)], axis=1)
        q = w * series.sum(axis=1) + b  # c = 1 is then a fixed point exactly
        low, high = np.zeros(w.size), np.ones(w.size) - 1e-9
        for _ in range(50):
            middle = 0.5 * (low + high)
            rises = w * _polynomial(series, middle) + b > middle * q
            low, high = np.where(rises, middle, low), np.where(rises, high, middle)
        steps = series[:, 1:] * np.arange(1, TERMS)
        return w * _polynomial(steps, 0.5 * (low + high)) / q


def _polynomial(coefficients: Array, c: Array) -> Array:
    total = np.zeros_like(c)
    for k in range(coefficients.shape[1] - 1, -1, -1):
        total = total * c + coefficients[:, k]
    return total


def _hermite(activation: Activation, q: float) -> Array:
    """a_0 … a_{TERMS−1} by the recurrence of normalized Hermite polynomials."""
    root = math.sqrt(q)
    z, weights = rule(breaks_of(activation.kinks, root))
    values = weights * activation.phi(root * z)
    before, current, found = np.zeros_like(z), np.ones_like(z), []
    for k in range(TERMS):
        found.append(float(values @ current))
        before, current = current, (z * current - math.sqrt(k) * before) / math.sqrt(k + 1.0)
    return np.array(found)
