"""The correlation map: how alike two inputs look from layer to layer, and where that settles."""

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.domain import require_variances

NEAR_ONE = 1e-6
NEWTON_STEPS = 12


def correlation_map(activation: Activation, weight_variance: float, bias_variance: float, q: float, c: float) -> float:
    """c_l = (σ_w² E[φ(u₁)φ(u₂)] + σ_b²)/q from c = c_{l−1}, both inputs at the fixed point q.

    For ReLU at σ_w² = 2 it is (√(1−c²) + (π − arccos c)·c)/π (Cho & Saul 2009, eq. 6).
    Source: Poole et al. 2016, eq. 5.
    Away from a fixed point of the length map the result is no correlation: it may exceed 1.

    Raises:
        InputError: q is not positive, a variance negative, or c outside [−1, 1].

    Example:
        >>> from steadygrad.theory import activations
        >>> round(correlation_map(activations.get("relu"), 2.0, 0.0, 1.0, 0.0), 6)
        0.31831
    """
    if not q > 0.0:
        raise InputError(f"the correlation map must be asked at `q` > 0, got {q!r}")
    require_variances(weight_variance, bias_variance)
    return (weight_variance * gaussian.covariance(activation, q, c) + bias_variance) / q


def correlation_slope(activation: Activation, weight_variance: float, q: float, c: float) -> float:
    """dc_l/dc_{l−1} = σ_w² E[φ′(u₁)φ′(u₂)]; χ₁ at c = 1.

    Source: Schoenholz et al. 2017, eq. 9 (−log of this at c* is 1/ξ_c).

    Raises:
        InputError: q or the variance is negative, or c outside [−1, 1].

    Example:
        >>> from steadygrad.theory import activations
        >>> round(correlation_slope(activations.get("relu"), 2.0, 1.0, 0.0), 6)
        0.5
    """
    require_variances(weight_variance)
    return weight_variance * gaussian.slope_covariance(activation, q, c)


def c_star(activation: Activation, weight_variance: float, bias_variance: float, q: float) -> float:
    """The correlation that two inputs settle at, from c = 0 upward; 1 means that all inputs become alike.

    The map is convex on [0, 1] with the fixed point 1: another one exists below exactly when χ₁ > 1, and is found to 1e-12
    (reported as 1 when nearer than 1e-6). Source: Poole et al. 2016, section 2.2.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(c_star(activations.get("tanh"), 2.0, 0.05, 0.721762), 4)
        0.7441
    """
    high = 1.0 - NEAR_ONE
    if correlation_map(activation, weight_variance, bias_variance, q, high) >= high:
        # odd maps without bias have 0 as a fixed point too, and start there
        return 0.0 if correlation_map(activation, weight_variance, bias_variance, q, 0.0) <= 1e-15 else 1.0
    return first_crossing(activation, weight_variance, bias_variance, q, below=high)


def first_crossing(activation: Activation, weight_variance: float, bias_variance: float, q: float, *, below: float = 1.0) -> float:
    """The smallest c ≥ 0 that the correlation map keeps, where it lies below the diagonal at c = `below`.

    The map is convex on [0, 1] (its power series has no negative coefficient), so Newton's method from 0 climbs to there
    and never passes it; where that is slow (φ that jumps, whose slope is incomplete), bisection finishes. To 1e-12.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(first_crossing(activations.get("tanh"), 2.0, 0.05, 0.721762), 4)
        0.7441
    """

    def drift(c: float) -> float:
        return correlation_map(activation, weight_variance, bias_variance, q, c) - c

    low, high = 0.0, below
    for _ in range(NEWTON_STEPS):
        rise, slope = drift(low), correlation_slope(activation, weight_variance, q, low)
        if rise <= 1e-15 or slope >= 1.0:
            return low
        step = rise / (1.0 - slope)
        low = min(low + step, high)
        if step < 1e-13:
            return low
    while high - low > 1e-12:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if drift(middle) > 0.0 else (low, middle)
    return 0.5 * (low + high)
