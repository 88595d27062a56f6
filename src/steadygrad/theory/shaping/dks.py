"""Deep kernel shaping: Q(1) = 1, Q′(1) = 1, C(0) = 0, and C′(1) as large as every subnetwork allows."""

import itertools
import math

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.shaping.shape import Shape, length_slope_at_1, shaped
from steadygrad.theory.shaping.solve import increasing, solve
from steadygrad.theory.shaping.subnetworks import Subnetworks

STARTS = tuple(itertools.product((1.0, 0.1, 0.4, 0.02), (0.0, 1.0, -1.0, 0.4, -0.4)))
RELU_LIMIT = math.pi / (math.pi - 1.0)  # the largest C′(1) of a ReLU shifted to the right


def dks(activation: Activation, network: Subnetworks, *, slope: float = 1.5, length_slope: float = 1.0) -> Shape:
    """The shape at which no subnetwork's correlation map has a slope at 1 above `slope` (ζ).

    The local target s solves network(1, x ↦ s·x) = ζ; α, β then solve Q′(1) = 1 and C′(1) = s, while δ = −E[φ(αz + β)] makes
    C(0) = 0 and γ makes Q(1) = 1. ReLU lacks one freedom: β = 1 and Q′(1) is left free.
    Weights must be orthogonal or Gaussian of variance 1/fan_in, biases zero, sums weighted to keep q. Fails for networks whose
    q is not 1, and where s is so near 1 that φ̂ is linear to rounding.

    Raises:
        InputError: ζ ≤ 1, or no shape reaches the target.

    Example:
        >>> from steadygrad.theory import activations
        >>> from steadygrad.theory.shaping import chain
        >>> found = dks(activations.get("tanh"), chain(50))
        >>> phi = shaped(activations.get("tanh"), found)
        >>> round(gaussian.second_moment(phi), 6), round(gaussian.slope_moment(phi) ** 50, 6), abs(round(gaussian.mean(phi), 6))
        (1.0, 1.5, 0.0)
    """
    if not slope > 1.0:
        raise InputError(f"`slope` must be greater than 1, got {slope!r}")
    local = increasing(lambda s: network(1.0, lambda x: s * x), slope, 1.0, math.inf)
    only_scale = activation.name == "relu"
    fixed = 1.0 if local < RELU_LIMIT else -1.0

    def at(x: Array) -> Shape:
        return _standardized(activation, float(x[0]), fixed if only_scale else float(x[1]))

    def errors(x: Array) -> Array:
        phi = shaped(activation, at(x))
        found = [gaussian.slope_moment(phi) - local]
        return np.array(found if only_scale else [length_slope_at_1(phi) - length_slope, *found])

    def accept(x: Array) -> bool:  # of the mirrored pair that an odd φ has, the one shifted to the right
        return bool(x[0] > 0.0) and (only_scale or not activation.odd or bool(x[1] > 0.0))

    starts = [(scale,) for scale in (1.0, 0.1)] if only_scale else list(STARTS)
    return at(solve(errors, starts, accept, f"the shape of `{activation.name}` with C′(1) = {local:.6g}"))


def _standardized(activation: Activation, scale: float, shift: float) -> Shape:
    """δ and γ that give mean 0 and second moment 1.

    Raises:
        InputError: φ does not vary at this scale and shift.
    """
    moments = gaussian.moments(shaped(activation, Shape(scale, shift, 0.0, 1.0)))
    if not moments.variance > 1e-30:
        raise InputError(f"`{activation.name}` must vary around {shift:g}, got a variance of {moments.variance:g}")
    return Shape(scale, shift, -moments.mean, moments.variance**-0.5)
