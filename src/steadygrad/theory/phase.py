"""Which phase a plain network starts in, and how deep it can be and still train.

    χ₁ < 1   ordered: inputs become alike, gradients vanish          χ₁ > 1   chaotic: like inputs part, gradients explode
    χ₁ = 1   critical: ξ_c = ∞, any depth

Networks train up to about 6·ξ_c layers: after them e⁻⁶ = 0.25 % of a difference between inputs is left. An observation on
MNIST and CIFAR-10, not a theorem: Schoenholz et al. 2017, arXiv:1611.01232, section 5.
"""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.depth_scale import depth_scales, depth_scales_at, e_folds
from steadygrad.theory.domain import require_length, require_variances
from steadygrad.theory.maps import UNSTABLE, FixedPoint, chi_1, length_slope, q_star

TRAINABLE = 6.0
NEAR_CRITICAL = 1e-3  # |log χ₁| below this takes 1,000 layers to matter
FAR = 1e8


@dataclass(frozen=True)
class Phase:
    """A point of the phase diagram.

    Attributes:
        kind: "ordered", "critical" or "chaotic".
        reason: what lengths do, one sentence.
        q: where lengths settle; 0 when signals die, ∞ when they grow without bound.
        c: where correlations settle; nan where lengths grow without bound.
        chi_1: factor per layer on squared gradients.
        xi_c, xi_grad: e-folding depths of correlations and squared gradients, in layers.
        trainable_depth: 6·ξ_c, or 6·ξ_grad where lengths grow without bound; ∞ at criticality. At a q that lengths run away from,
            6·ξ_q where that is less.
        stable: whether lengths near q come back to it, or stay.
    """

    weight_variance: float
    bias_variance: float
    kind: str
    reason: str
    q: float
    c: float
    chi_1: float
    xi_c: float
    xi_grad: float
    trainable_depth: float
    stable: bool = True


def phase_at(activation: Activation, weight_variance: float, bias_variance: float = 0.0, q: float | None = None) -> Phase:
    """The phase at σ_w², σ_b²; `q` names a fixed point of the length map to look at, else it is where q = 1 leads.

    Where signals die (q* = 0) and where lengths of homogeneous activations without bias neither settle nor matter, the scales
    are the limits for small biases: ξ_c = ξ_grad below criticality.
    Fails beside normalization and skips, for widths near the depth (`finite_width`), and for φ that jumps: χ₁ is then what
    autograd sees, while correlations part faster.

    Raises:
        InputError: a negative variance, or `q` not positive.

    Example:
        >>> from steadygrad.theory import activations
        >>> [phase_at(activations.get("tanh"), w).kind for w in (0.5, 1.0, 2.0)]
        ['ordered', 'critical', 'chaotic']
        >>> phase_at(activations.get("relu"), 2.0).trainable_depth
        inf
    """
    require_variances(weight_variance, bias_variance)
    settled = FixedPoint(q, f"q = {q:.4g} holds") if q is not None else q_star(activation, weight_variance, bias_variance)
    if q is not None:
        require_length(q)
    if settled.exists:
        found = depth_scales_at(activation, weight_variance, bias_variance, q) if q is not None else depth_scales(activation, weight_variance, bias_variance)
        c, chi, xi_c = found.c, found.chi_1, found.xi_c
        stable = length_slope(activation, weight_variance, found.q) <= UNSTABLE
        lasts = xi_c if stable else min(xi_c, found.xi_q)
    else:
        chi = _limit(activation, weight_variance, bias_variance, settled)
        c, xi_c = (1.0, e_folds(chi)) if settled.q == 0.0 else (math.nan, e_folds(chi))
        stable, lasts = True, xi_c
    kind = "critical" if abs(math.log(max(chi, 1e-300))) < NEAR_CRITICAL else "ordered" if chi < 1.0 else "chaotic"
    return Phase(weight_variance, bias_variance, kind, settled.reason, settled.q, c, chi, xi_c, e_folds(chi), TRAINABLE * lasts, stable)


def _limit(activation: Activation, weight_variance: float, bias_variance: float, settled: FixedPoint) -> float:
    """χ₁ of signals that die or grow for ever."""
    if settled.q == 0.0:
        return chi_1(activation, weight_variance, bias_variance)
    for q in (FAR, 100.0, 1.0):
        try:
            return weight_variance * gaussian.slope_moment(activation, q)
        except InputError:  # φ′ grows so fast that its average diverges
            continue
    return math.inf
