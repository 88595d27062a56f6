"""How many layers information survives: ξ_q, ξ_c and ξ_grad.

Source: Schoenholz et al. 2017, arXiv:1611.01232, eq. 7–11 and section 5: networks train up to about 6·ξ_c layers.
"""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError
from steadygrad.theory.activation import Activation
from steadygrad.theory.maps import c_star, chi_1, correlation_slope, length_slope, q_star


@dataclass(frozen=True)
class DepthScales:
    """Fixed points and e-folding depths, in layers.

    Attributes:
        q, c: fixed points of the length and the correlation map.
        chi_1: slope of the correlation map at 1.
        xi_q, xi_c: depths over which lengths and correlations approach them (by 1/e).
        xi_grad: depth over which squared gradients change by e; shrinking when chi_1 < 1, growing when chi_1 > 1.
    """

    q: float
    c: float
    chi_1: float
    xi_q: float
    xi_c: float
    xi_grad: float


def depth_scales(activation: Activation, weight_variance: float, bias_variance: float = 0.0) -> DepthScales:
    """1/ξ_q = −log χ∥,  1/ξ_c = −log(σ_w² E[φ′(u₁*)φ′(u₂*)]),  1/ξ_grad = |log χ₁|; ∞ at criticality.

    Fails for ReLU at σ_w² = 2 in that correlations converge like 1/l², slower than any exponential: ξ_c = ∞ is right.

    Raises:
        InputError: the length map has no positive, finite fixed point.

    Example:
        >>> from steadygrad.theory import activations
        >>> scales = depth_scales(activations.get("tanh"), 2.0, 0.05)
        >>> round(scales.xi_q, 3), round(scales.xi_c, 3), round(scales.xi_grad, 3)
        (1.388, 25.213, 21.475)
    """
    settled = q_star(activation, weight_variance, bias_variance)
    if not settled.exists:
        raise InputError(
            f"depth scales of `{activation.name}` at σ_w² = {weight_variance:g}, σ_b² = {bias_variance:g} must have a "
            f"fixed point, got q* = {settled.q:g}: {settled.reason}"
        )
    return depth_scales_at(activation, weight_variance, bias_variance, settled.q)


def depth_scales_at(activation: Activation, weight_variance: float, bias_variance: float, q: float) -> DepthScales:
    """The depth scales at a given fixed point q of the length map; for half-stable ones, which iteration passes over.

    Raises:
        InputError: q not positive, or a negative variance.

    Example:
        >>> from steadygrad.theory import activations, maps
        >>> gelu = activations.get("gelu")
        >>> weight, bias, q = maps.half_stable_point(gelu)
        >>> depth_scales_at(gelu, weight, bias, q).chi_1.__round__(9)
        1.0
    """
    chi = chi_1(activation, weight_variance, q=q)
    c = c_star(activation, weight_variance, bias_variance, q)
    slope = chi if c == 1.0 else correlation_slope(activation, weight_variance, q, c)
    return DepthScales(q, c, chi, e_folds(length_slope(activation, weight_variance, q)), e_folds(slope), e_folds(chi))


def e_folds(slope: float) -> float:
    """1/|log slope|: layers in which a factor of `slope` per layer makes e; ∞ at 1, 0 where one layer settles everything.

    Example:
        >>> round(e_folds(0.5), 6)
        1.442695
    """
    if slope <= 0.0:
        return 0.0
    rate = abs(math.log(slope))
    return 1.0 / rate if rate > 1e-12 else math.inf
