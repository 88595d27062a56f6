"""χ₁ and the points where it is 1: neither vanishing nor exploding gradients."""

import math
from collections.abc import Callable
from typing import NamedTuple

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, centred
from steadygrad.theory.domain import require_variances
from steadygrad.theory.maps.length import q_star

HALF_STABLE_SEARCH = (1e-2, 1e4)
VANISHING = 1e-20
NOISE = 1e-10  # below this an average has no sign


class CriticalPoint(NamedTuple):
    """σ_w² and σ_b² at which q is a fixed point with χ₁ = 1.

    Example:
        >>> CriticalPoint(2.0, -0.1, 1.0).admissible
        False
    """

    weight_variance: float
    bias_variance: float
    q: float

    @property
    def admissible(self) -> bool:
        """Whether such a network exists: σ_b² ≥ 0 (up to rounding of q) and σ_w² finite."""
        return self.bias_variance >= -1e-12 * max(self.q, 1.0) and math.isfinite(self.weight_variance)


def chi_1(activation: Activation, weight_variance: float, bias_variance: float = 0.0, q: float | None = None) -> float:
    """χ₁ = σ_w² E[φ′(√q z)²]: the factor per layer on squared gradients and on small differences between inputs.

    Below 1 gradients vanish and inputs become alike (ordered), above 1 they explode (chaotic). Without `q` it is taken
    at the fixed point `q_star`, or its limit of small signals; σ_b² enters only there. Source: Schoenholz et al. 2017, eq. 5.

    Raises:
        InputError: no `q` given and the length map has no fixed point; a variance or `q` is negative.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(chi_1(activations.get("sigmoid"), 1.0), 4)  # Xavier: squared gradients shrink 18-fold per layer
        0.0557
        >>> round(chi_1(activations.get("relu"), 2.0), 12)
        1.0
    """
    require_variances(weight_variance, bias_variance)
    if q is None:
        settled = q_star(activation, weight_variance, bias_variance)
        if settled.q == math.inf:
            raise InputError(
                f"χ₁ of `{activation.name}` at σ_w² = {weight_variance:g}, σ_b² = {bias_variance:g} must be asked at a "
                f"finite `q`, got none: {settled.reason}. Pass q=…"
            )
        q = settled.q or (VANISHING if 0.0 in activation.kinks else 0.0)  # small signals see both sides of a kink at 0
    return weight_variance * gaussian.slope_moment(activation, q)


def critical_point(activation: Activation, q: float) -> CriticalPoint:
    """The critical line, by its fixed point: σ_w² = 1/E[φ′(√q z)²],  σ_b² = q − σ_w² E[φ(√q z)²].

    Where σ_b² comes out negative there is no critical network with that q (`admissible`). Sigmoid: negative for every
    q* below 45.624 (σ_w² = 103.01), positive above, where the sigmoid acts as a step; softplus: negative for every q*.
    Source: Pennington et al. 2017, arXiv:1711.04735, section 2.

    Raises:
        InputError: q is negative; q = 0 is the limit of small signals.

    Example:
        >>> from steadygrad.theory import activations
        >>> point = critical_point(activations.get("tanh"), 0.5)
        >>> round(point.weight_variance, 6), round(point.bias_variance, 6)
        (1.687975, 0.038041)
        >>> critical_point(activations.get("sigmoid"), 1.0).admissible
        False
    """
    slope = gaussian.slope_moment(activation, q)
    if slope == 0.0:
        return CriticalPoint(math.inf, -math.inf, q)
    weight = 1.0 / slope
    return CriticalPoint(weight, q - weight * gaussian.second_moment(activation, q), q)


def half_stable_point(activation: Activation) -> CriticalPoint | None:
    """The critical point at which the length map is marginal too: χ₁ = χ∥ = 1; None without an admissible one.

    χ∥ = χ₁ exactly where E[φ φ′ z] = √q E[φ′²], that is E[φ φ″] = 0. Searched over q in [0.01, 10⁴], the smallest such
    q is returned; None too where E[φ φ″] is 0 at every q (softshrink). Near the point GELU and SiLU networks drift
    only like a power of depth, where `gaussian.forward_gain` makes them die or blow up exponentially.
    Source: Roberts, Yaida & Hanin 2022, arXiv:2106.10165, section 5.3.4.

    Example:
        >>> from steadygrad.theory import activations
        >>> point = half_stable_point(activations.get("gelu"))
        >>> round(point.q, 6), round(point.weight_variance, 6), round(point.bias_variance, 6)
        (3.561553, 1.983058, 0.172922)
    """
    if activation.homogeneous:
        return critical_point(activation, 1.0)

    def excess(log_q: float) -> float:
        q = math.exp(log_q)
        root = math.sqrt(q)
        return gaussian.expectation(
            lambda x: activation.derivative(x) * (activation.phi(x) * x / q - activation.derivative(x)),
            scale=root,
            kinks=activation.kinks,
        )

    low, end = (math.log(q) for q in HALF_STABLE_SEARCH)
    try:
        while low < end:
            high = low + 0.25
            left, right = excess(low), excess(high)
            if left * right < 0.0 and min(abs(left), abs(right)) > NOISE:
                point = critical_point(activation, math.exp(_bisect(excess, low, high)))
                if point.admissible:
                    return point
            low = high
    except InputError:  # φ grows so fast that its averages diverge from here on
        return None
    return None


def centred_chi_1(activation: Activation, weight_variance: float, q: float) -> float:
    """χ₁ of the network whose biases are −φ(0)·(row sums of W), which then computes with φ − φ(0).

    Centring leaves φ′, so χ₁ = σ_w² E[φ′(√q z)²] as before; what changes is the q that belongs to it, because the
    length map becomes q_l = σ_w² E[(φ(√q z) − φ(0))²]. The mean φ(0) no longer makes all inputs alike.
    For the sigmoid, σ(x) − ½ = tanh(x/2)/2, so with x = 2y: q_y = q/4 and σ_w²/16 are those of a tanh network, which
    is critical at σ_w² = 16, q → 0. Derived here; simulated at finite width in the tests.
    Holds at initialization only: training moves weights and biases apart.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(centred_chi_1(activations.get("sigmoid"), 16.0, 0.0), 9)
        1.0
    """
    return chi_1(centred(activation), weight_variance, q=q)


def centred_critical_variance(activation: Activation, q: float = 0.0) -> float:
    """σ_w² = 1/E[φ′(√q z)²] at which the centred network is critical; 1/φ′(0)² for q → 0, 16 for the sigmoid.

    With q > 0 the fixed point also needs independent biases of variance
    `critical_point(centred(activation), q).bias_variance` beside the centring ones.

    Example:
        >>> from steadygrad.theory import activations
        >>> centred_critical_variance(activations.get("sigmoid"))
        16.0
    """
    slope = gaussian.slope_moment(activation, q)
    return 1.0 / slope if slope > 0.0 else math.inf


def _bisect(f: Callable[[float], float], low: float, high: float) -> float:
    """A zero of f between arguments where its signs differ."""
    rising = f(low) < 0.0
    while high - low > 1e-13 * max(1.0, abs(high)):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if (f(middle) < 0.0) == rising else (low, middle)
    return 0.5 * (low + high)
