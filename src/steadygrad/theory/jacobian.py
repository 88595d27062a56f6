"""The singular values of a wide layer's Jacobian J = D·W, D = diag(φ′), W (out, in) with independent Gaussian entries.

With μ_k = E[φ′(√q z)^{2k}] and aspect r = out/in:

    χ = σ_w² μ₁                             mean of (Jv)² over entries, for v white of variance 1; σ_w² = in·Var(W)
    spread = (n/out)(μ₂/μ₁² + r) − 1         variance of the n = min(in, out) squared singular values over their mean²

which for square layers is μ₂/μ₁²; L of them multiply to a spread near L·μ₂/μ₁², orthogonal ones to L(μ₂/μ₁² − 1):
zero only for orthogonal weights and a constant slope – dynamical isometry, which ReLU cannot have.
Source: Pennington, Schoenholz & Ganguli 2017, arXiv:1711.04735, eq. 15–21 (square); the rectangular case by Wick's theorem.
"""

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation


def layer_spread(activation: Activation, q: float = 1.0, *, fan_in: int = 1, fan_out: int = 1, orthogonal: bool = False) -> float:
    """Relative variance of the squared singular values of one layer; `orthogonal` needs fan_in = fan_out.

    Fails for narrow layers by terms of order 1/width, and for weights that are not independent of D.

    Raises:
        InputError: a fan below 1, or orthogonal weights that are not square; no slope at q.

    Example:
        >>> from steadygrad.theory import activations
        >>> relu = activations.get("relu")
        >>> round(layer_spread(relu), 9), round(layer_spread(relu, orthogonal=True), 9)
        (2.0, 1.0)
    """
    if fan_in < 1 or fan_out < 1 or (orthogonal and fan_in != fan_out):
        raise InputError(f"`fan_in` and `fan_out` must be at least 1, and equal for orthogonal weights, got {fan_in} and {fan_out}")
    slope = gaussian.slope_moment(activation, q)
    if not slope > 0.0:
        raise InputError(f"`{activation.name}` must have a slope at q = {q:g}, got E[φ′²] = {slope:g}: its Jacobian is zero")
    ratio = gaussian.slope_moment(activation, q, power=4) / slope**2
    if orthogonal:
        return ratio - 1.0
    return min(fan_in, fan_out) / fan_out * (ratio + fan_out / fan_in) - 1.0
