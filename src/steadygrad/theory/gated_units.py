"""Gated linear units: φ(a, b) = a·g(b), the two halves of one layer's output (GLU, ReGLU, GEGLU, SwiGLU).

    q_l = σ_w² q E[g(√q z)²] + σ_b²                     a, b ~ N(0, q), independent for independent rows
    c_l = (σ_w² q c E[g(u₁)g(u₂)] + σ_b²)/q_l
    χ_1 = σ_w² (E[g(√q z)²] + q E[g′(√q z)²])            both halves carry gradient

g is the sigmoid for GLU, ReLU, GELU or SiLU for the others. Where g grows, q_l grows faster than q: every fixed point without
bias is unstable, and these layers stand behind a norm for that reason. Derived here; Shazeer 2020, arXiv:2002.05202 for names.
"""

from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.domain import require_length, require_variances

GATES = {"glu": "sigmoid", "reglu": "relu", "geglu": "gelu", "swiglu": "silu", "bilinear": "identity"}


def gated_length_map(gate: Activation, weight_variance: float, bias_variance: float, q: float) -> float:
    """q_l from q = q_{l−1}; σ_w² = fan_in·Var(W) of the layer that reads the product.

    Raises:
        InputError: a negative variance, or q not positive.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(gated_length_map(activations.get("relu"), 2.0, 0.0, 1.0), 9), round(gated_length_map(activations.get("relu"), 2.0, 0.0, 2.0), 9)
        (1.0, 4.0)
    """
    require_variances(weight_variance, bias_variance)
    require_length(q)
    return weight_variance * q * gaussian.second_moment(gate, q) + bias_variance


def gated_correlation_map(gate: Activation, weight_variance: float, bias_variance: float, q: float, c: float) -> float:
    """c_l from c = c_{l−1}, both inputs of length q, which need not be a fixed point.

    Raises:
        InputError: a negative variance, q not positive, or c outside [−1, 1].

    Example:
        >>> from steadygrad.theory import activations
        >>> round(gated_correlation_map(activations.get("relu"), 2.0, 0.0, 1.0, 0.5), 6)  # ReLU's map times c
        0.304499
    """
    after = gated_length_map(gate, weight_variance, bias_variance, q)
    return (weight_variance * q * c * gaussian.covariance(gate, q, c) + bias_variance) / after


def gated_chi_1(gate: Activation, weight_variance: float, q: float) -> float:
    """χ₁: the factor on squared gradients, both halves together.

    Raises:
        InputError: a negative variance, or q not positive.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(gated_chi_1(activations.get("relu"), 2.0, 1.0), 9)
        2.0
    """
    require_variances(weight_variance)
    require_length(q)
    return weight_variance * (gaussian.second_moment(gate, q) + q * gaussian.slope_moment(gate, q))
