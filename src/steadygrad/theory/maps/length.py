"""The length map: the second moment of a pre-activation from layer to layer, and where it settles."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.domain import require_variances

LARGEST, SMALLEST = 1e10, 1e-12
STEP = 1.25
MARGINAL = 1e-13
UNSTABLE = 1.0 + 1e-6  # slopes above this lead away from a fixed point


@dataclass(frozen=True)
class FixedPoint:
    """Where the length map settles.

    Attributes:
        q: the fixed point; 0 when signals die out, ∞ when they grow without bound.
        reason: one sentence.
    """

    q: float
    reason: str

    @property
    def exists(self) -> bool:
        """Whether signals settle at a positive, finite length."""
        return 0.0 < self.q < math.inf


def length_map(activation: Activation, weight_variance: float, bias_variance: float, q: float) -> float:
    """q_l = σ_w² E[φ(√q z)²] + σ_b² from q = q_{l−1}.

    Source: Poole et al. 2016, eq. 3. Exact for width → ∞; at width n, q_l fluctuates by about √(5/n) relatively per
    ReLU layer (`finite_width`).

    Raises:
        InputError: a variance or `q` is negative.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(length_map(activations.get("relu"), 2.0, 0.0, 3.0), 12)
        3.0
    """
    require_variances(weight_variance, bias_variance)
    return weight_variance * gaussian.second_moment(activation, q) + bias_variance


def length_slope(activation: Activation, weight_variance: float, q: float) -> float:
    """dq_l/dq_{l−1} = σ_w² E[φ φ′ z]/√q (χ∥): below 1 a fixed point is stable, above 1 lengths run away from it.

    Equal to χ₁ + σ_w² E[φ″φ] by Stein's lemma, without needing φ″. Fails for a φ that jumps.
    Source: Schoenholz et al. 2017, eq. 8 (−log of this is 1/ξ_q).

    Raises:
        InputError: q is not positive, or the variance negative.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(length_slope(activations.get("tanh"), 2.0, 0.721762), 3)  # exp(−1/1.388)
        0.487
    """
    if not q > 0.0:
        raise InputError(f"the length map's slope must be asked at `q` > 0, got {q!r}")
    require_variances(weight_variance)
    root = gaussian.root(q)
    product = gaussian.expectation(lambda x: activation.phi(x) * activation.derivative(x) * x, scale=root, kinks=activation.kinks)
    return weight_variance * product / q


def q_star(activation: Activation, weight_variance: float, bias_variance: float = 0.0, *, start: float = 1.0) -> FixedPoint:
    """Where q settles, iterated from `start`.

    The length map increases, so q moves in one direction up to the next fixed point: that is found by walking in steps
    of 1.25 and bisection, which also ends where plain iteration converges like 1/l (a critical tanh network).
    Two fixed points closer than a step are passed over.

    Raises:
        InputError: a variance is negative, `start` is not positive, or φ is nan where lengths lead.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(q_star(activations.get("tanh"), 1.3, 0.05).q, 6)
        0.315316
        >>> q_star(activations.get("relu"), 2.5).reason
        'signals grow by a factor of 1.25 per layer: no fixed point above 1'
    """
    require_variances(weight_variance, bias_variance)
    if not 0.0 < start < math.inf:
        raise InputError(f"`start` must be finite and positive, got {start!r}")

    def drift(q: float) -> float:
        try:
            return length_map(activation, weight_variance, bias_variance, q) - q
        except gaussian.Diverging:  # above `start` φ grows too fast to average; below, all that is left comes from the far tail
            return math.inf if q >= start else -q

    first = drift(start)
    if abs(first) <= MARGINAL * start:
        return FixedPoint(start, _held(activation, weight_variance, start))
    return _climb(drift, start) if first > 0.0 else _descend(drift, start)


def _held(activation: Activation, weight_variance: float, q: float) -> str:
    """What becomes of lengths near a fixed point."""
    if activation.homogeneous:
        return f"{q:g} is a fixed point, as every q is"
    slope = length_slope(activation, weight_variance, q)
    return f"{q:g} is a fixed point" + (f", but lengths beside it run away, by a factor of {slope:.4g} per layer" if slope > UNSTABLE else "")


def _climb(drift: Callable[[float], float], start: float) -> FixedPoint:
    """The first q above `start` where lengths stop growing."""
    low = start
    while low < LARGEST:
        high = low * STEP
        if drift(high) <= 0.0:
            return _settled(drift, low, high)
        low = high
    rate = 1.0 + drift(start) / start
    return FixedPoint(math.inf, f"signals grow by a factor of {rate:.4g} per layer: no fixed point above {start:g}")


def _descend(drift: Callable[[float], float], start: float) -> FixedPoint:
    """The first q below `start` where lengths stop shrinking."""
    high = start
    while high > SMALLEST:
        low = high / STEP
        if drift(low) >= 0.0:
            return _settled(drift, low, high)
        high = low
    rate = 1.0 + drift(SMALLEST) / SMALLEST
    how = f"by a factor of {rate:.4g} per layer" if rate < 1.0 - 1e-6 else "like 1/depth"
    return FixedPoint(0.0, f"signals die out {how}: no fixed point below {start:g}")


def _settled(drift: Callable[[float], float], low: float, high: float) -> FixedPoint:
    """Bisection between a q that grows and one that shrinks."""
    while high - low > 4e-16 * high:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if drift(middle) > 0.0 else (low, middle)
    return FixedPoint(0.5 * (low + high), "lengths settle here")
