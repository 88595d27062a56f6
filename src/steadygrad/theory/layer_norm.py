"""Layer and RMS norm in plain deep networks: they fix q, and what gradients then do is one number of φ.

    before φ:   h_l = N(W φ(h_{l−1}) + b)      q = 1 at every layer;   χ = σ_w² E[φ′(z)²]/(σ_w² E[φ(z)²] + σ_b²)
    after φ:    x_l = N(φ(W x_{l−1} + b))      q = σ_w² + σ_b²;        χ = σ_w² E[φ′(√q z)²]/M

M = Var[φ(√q z)] for layer norm, E[φ(√q z)²] for RMS norm; before φ the two agree, since W has mean 0 and features average to
0 already. The norm divides signal and gradient alike, so σ_w² drops out before φ (σ_b² = 0): no scale of the weights can
repair χ, only φ can. χ is also the slope of the correlation map at 1. Derived here; width → ∞, norm's own gain 1, shift 0.
"""

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.domain import require_variances

NORMS = ("layer", "rms")


def layer_norm_growth(activation: Activation, weight_variance: float = 1.0, bias_variance: float = 0.0, *, norm: str = "layer", before: bool = True) -> float:
    """χ: the factor per layer on squared gradients, with the norm before or after the activation.

    1 for ReLU before, 1.178 for tanh, 1.072 for GELU: mild, and unlike batch norm's growth it is 1 for every homogeneous φ.
    Fails for widths of a few units, where the norm removes 1 or 2 of n directions.

    Raises:
        InputError: an unknown norm, a negative variance, or nothing to divide by.

    Example:
        >>> from steadygrad.theory import activations
        >>> [round(layer_norm_growth(activations.get(name)), 6) for name in ("relu", "tanh", "gelu")]
        [1.0, 1.177807, 1.072032]
        >>> round(layer_norm_growth(activations.get("relu"), before=False), 6)  # π/(π − 1): the mean is gone
        1.466942
    """
    require_variances(weight_variance, bias_variance)
    if norm not in NORMS:
        raise InputError(f"`norm` must be one of {', '.join(NORMS)}, got {norm!r}")
    q = 1.0 if before else weight_variance + bias_variance
    found = gaussian.moments(activation, q)
    if before:
        divisor = weight_variance * found.second + bias_variance
    else:
        divisor = found.variance if norm == "layer" else found.second
    if not divisor > 0.0:
        raise InputError(f"the norm must have something to divide by, got a variance of {divisor:g} from `{activation.name}`")
    return weight_variance * found.slope / divisor


def layer_norm_correlation(
    activation: Activation, c: float, weight_variance: float = 1.0, bias_variance: float = 0.0, *, norm: str = "layer", before: bool = True
) -> float:
    """The correlation of two samples after one layer, from c; its slope at 1 is `layer_norm_growth`.

    Raises:
        InputError: as `layer_norm_growth`, or c outside [−1, 1].

    Example:
        >>> from steadygrad.theory import activations
        >>> relu = activations.get("relu")
        >>> [round(layer_norm_correlation(relu, 0.0, before=b), 4) for b in (True, False)]
        [0.3183, 0.0]
    """
    layer_norm_growth(activation, weight_variance, bias_variance, norm=norm, before=before)
    q = 1.0 if before else weight_variance + bias_variance
    if before:
        shared = weight_variance * gaussian.covariance(activation, q, c) + bias_variance
        return shared / (weight_variance * gaussian.second_moment(activation, q) + bias_variance)
    inside = (weight_variance * c + bias_variance) / q
    found, shared = gaussian.moments(activation, q), gaussian.covariance(activation, q, inside)
    return (shared - found.mean**2) / found.variance if norm == "layer" else shared / found.second
