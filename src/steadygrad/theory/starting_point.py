"""Where to start a deep network of one activation: scheme, gain and biases at which neither direction dies or explodes."""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError
from steadygrad.theory import gaussian, maps
from steadygrad.theory.activation import Activation, centred


@dataclass(frozen=True)
class StartingPoint:
    """How to draw the weights that read an activation's outputs, and the biases beside them.

    Attributes:
        scheme: a name in `schemes.SCHEMES`: "he_normal" where the forward second moment must be exact, "glorot_normal"
            where signals stay near 0 and the choice is free.
        gain: of that scheme.
        bias_variance: of independent zero-mean biases; 0 for zero biases.
        centred: whether biases also take −φ(0)·(row sums of the weights).
        q: second moment of the pre-activations it is made for; 0 where small signals are wanted.
        reason: why, in words.
    """

    scheme: str
    gain: float
    bias_variance: float
    centred: bool
    q: float
    reason: str


def starting_point(activation: Activation) -> StartingPoint:
    """The starting point of `activation`: the first of these that it has.

    1. homogeneous (ReLU family): 1/√E[φ²], critical at every q
    2. odd about its centre, smooth and not flat there (tanh, erf, sigmoid …): 1/|φ′(0)|, critical for small signals
    3. a half-stable critical point (GELU, SiLU, Mish, hardswish): its σ_w and σ_b
    4. a stable critical point at q = 1 (ELU, SELU, softsign): its σ_w and σ_b
    5. else 1/√E[φ²]: keeps the signal only, and `reason` gives χ₁

    Fails where several activations alternate, and beside normalization layers, which set q themselves.
    Source: `maps`; He et al. 2015, eq. 10; Roberts, Yaida & Hanin 2022, section 5.3.

    Raises:
        InputError: φ passes nothing, or grows so fast that E[φ²] diverges at q = 1.

    Example:
        >>> from steadygrad.theory import activations
        >>> start = starting_point(activations.get("sigmoid"))
        >>> start.gain, start.centred, start.scheme
        (4.0, True, 'glorot_normal')
        >>> round(starting_point(activations.get("relu")).gain, 6)
        1.414214
    """
    start = _homogeneous(activation) or _odd(activation) or _half_stable(activation) or _stable(activation)
    return start or _forward(activation)


def _homogeneous(activation: Activation) -> StartingPoint | None:
    gain = gaussian.forward_gain(activation) if activation.homogeneous else math.inf
    if not math.isfinite(gain):
        return None
    reason = f"{activation.name} keeps every scale at gain {gain:.6g} = 1/√E[φ²], forward and backward"
    return StartingPoint("he_normal", gain, 0.0, False, 1.0, reason)


def _odd(activation: Activation) -> StartingPoint | None:
    shifted = centred(activation)
    slope = abs(float(activation.derivative(0.0)))
    if not shifted.odd or slope == 0.0 or not activation.bounded or 0.0 in activation.kinks:
        return None
    gain = 1.0 / slope
    reason = f"near 0 {activation.name} is linear with slope {slope:.4g}: gain {gain:.4g} makes χ₁ = 1 for small signals"
    if shifted is not activation:
        origin = float(activation.phi(0.0))
        reason += f"; its mean {origin:.4g} makes all inputs alike unless biases are −{origin:.4g}·(row sums of the weights)"
    return StartingPoint("glorot_normal", gain, 0.0, shifted is not activation, 0.0, reason)


def _half_stable(activation: Activation) -> StartingPoint | None:
    point = maps.half_stable_point(activation)
    if point is None:
        return None
    reason = (
        f"{activation.name} has no stable zero-bias scale; at σ_w² = {point.weight_variance:.6g} and σ_b² = "
        f"{point.bias_variance:.6g}, signals stay at q = {point.q:.5g} and gradients keep their size"
    )
    return StartingPoint("he_normal", math.sqrt(point.weight_variance), point.bias_variance, False, point.q, reason)


def _stable(activation: Activation) -> StartingPoint | None:
    try:
        point = maps.critical_point(activation, 1.0)
        if not point.admissible or maps.length_slope(activation, point.weight_variance, 1.0) >= 1.0:
            return None
    except InputError:
        return None
    weight, bias = point.weight_variance, max(point.bias_variance, 0.0)
    reason = f"{activation.name} is critical at σ_w² = {weight:.6g} with biases of variance {bias:.6g}: q = 1 attracts, and χ₁ = 1"
    return StartingPoint("he_normal", math.sqrt(weight), bias, False, 1.0, reason)


def _forward(activation: Activation) -> StartingPoint:
    gain = gaussian.forward_gain(activation)
    if not math.isfinite(gain):
        raise InputError(f"`{activation.name}` must pass something at q = 1, got E[φ²] = 0; there is no gain to start from")
    chi, slope = maps.chi_1(activation, gain**2, q=1.0), maps.length_slope(activation, gain**2, 1.0)
    holds = "attracts" if slope < 1.0 else "repels: lengths run away with depth"
    reason = (
        f"{activation.name} has no critical point to start from; gain {gain:.4g} keeps q = 1, which {holds}; squared "
        f"gradients change by χ₁ = {chi:.4g} per layer"
    )
    return StartingPoint("he_normal", gain, 0.0, False, 1.0, reason)
