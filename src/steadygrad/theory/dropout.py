"""Dropout in the mean-field maps: noise of its own for every sample, so no two samples stay alike.

    h_l = W·(m∘φ(h_{l−1}))/(1 − p) + b,   m ~ Bernoulli(1 − p), independent for every unit and sample

    q_l = σ_w²/(1 − p)·E[φ²] + σ_b²             masked and rescaled, as torch.nn.Dropout does
    c_l = (σ_w² E[φ(u₁)φ(u₂)] + σ_b²)/q*         two masks: the factor 1/(1 − p) is missing, so c = 1 is no fixed point

Any p > 0 removes the critical point: ξ_c stays finite at every σ_w². Where χ₁ would be 1 it is about 1/√(2·ε·C″), with
ε = p·(1 − σ_b²/q*) what the masks take off c = 1 and C″ the map's curvature there (derived here). Source: Schoenholz et al. 2017, arXiv:1611.01232,
with PyTorch's rescaling.
"""

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.depth_scale import DepthScales, e_folds
from steadygrad.theory.domain import require_variances
from steadygrad.theory.maps import FixedPoint, c_star, correlation_slope, first_crossing, length_slope, q_star


def dropout_q_star(activation: Activation, weight_variance: float, bias_variance: float, p: float) -> FixedPoint:
    """Where q settles when each unit is dropped with probability p and the rest divided by 1 − p.

    Raises:
        InputError: p outside [0, 1), or a negative variance.

    Example:
        >>> from steadygrad.theory import activations
        >>> dropout_q_star(activations.get("relu"), 1.0, 0.25, 0.5).reason  # σ_w²/(1 − p) = 2: nothing shrinks any more
        'signals grow by a factor of 1.25 per layer: no fixed point above 1'
    """
    require_variances(weight_variance, bias_variance)
    return q_star(activation, weight_variance / _kept(p), bias_variance)


def dropout_c_star(activation: Activation, weight_variance: float, bias_variance: float, p: float, q: float) -> float:
    """The correlation at which two samples (or one sample, masked twice) settle; below 1 for every p > 0.

    The map starts at or above 0, is convex on [0, 1] and ends below 1, so it is crossed once (`first_crossing`).

    Raises:
        InputError: p outside [0, 1), q not positive, or a negative variance.

    Example:
        >>> from steadygrad.theory import activations
        >>> phi = activations.get("tanh")
        >>> round(dropout_c_star(phi, 1.7, 0.05, 0.1, dropout_q_star(phi, 1.7, 0.05, 0.1).q), 4)
        0.3778
    """
    if _kept(p) == 1.0:
        return c_star(activation, weight_variance, bias_variance, q)
    return first_crossing(activation, weight_variance, bias_variance, q)


def dropout_depth_scales(activation: Activation, weight_variance: float, bias_variance: float, p: float) -> DepthScales:
    """Fixed points and e-folding depths under dropout; `chi_1` is the factor on squared gradients, σ_w²/(1 − p)·E[φ′²].

    Fails, as the maps do, where masks are shared between samples, units (dropout2d) or layers.

    Raises:
        InputError: p outside [0, 1), a negative variance, or lengths that settle nowhere.

    Example:
        >>> from steadygrad.theory import activations
        >>> tanh = activations.get("tanh")
        >>> [round(dropout_depth_scales(tanh, 1.760955, 0.05, p).xi_c, 2) for p in (0.01, 0.1)]  # ∞ without dropout
        [14.48, 4.67]
    """
    settled = dropout_q_star(activation, weight_variance, bias_variance, p)
    if not settled.exists:
        raise InputError(
            f"depth scales of `{activation.name}` at σ_w² = {weight_variance:g}, σ_b² = {bias_variance:g}, dropout {p:g} must "
            f"have a fixed point, got q* = {settled.q:g}: {settled.reason}"
        )
    q, effective = settled.q, weight_variance / _kept(p)
    c = dropout_c_star(activation, weight_variance, bias_variance, p, q)
    chi = effective * gaussian.slope_moment(activation, q)
    slope = correlation_slope(activation, weight_variance, q, c)
    return DepthScales(q, c, chi, e_folds(length_slope(activation, effective, q)), e_folds(slope), e_folds(chi))


def _kept(p: float) -> float:
    if not 0.0 <= p < 1.0:
        raise InputError(f"dropout probability `p` must lie in [0, 1), got {p!r}")
    return 1.0 - p
