"""Tailored activation transformation: C′(1) = 1 exactly, and the next order held down.

Smooth φ: Q(1) = 1, Q′(1) = 1, C′(1) = 1, and C″(1) as large as every subnetwork allows. Leaky ReLU has Q(q) = q and C′(1) = 1 for
every slope, so its slope is set by C(0):

    C(c) = c + (1 − a)²/(π(1 + a²))·(√(1 − c²) − c·arccos c),   φ̂(x) = √(2/(1 + a²))·max(x, a·x)
"""

import itertools
import math

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.shaping.shape import Shape, curvature_at_1, length_slope_at_1, shaped
from steadygrad.theory.shaping.solve import increasing, solve
from steadygrad.theory.shaping.subnetworks import Subnetworks

STARTS = tuple(itertools.product((1.0, 0.1, 0.4, 0.02), (0.0, 1.0, -1.0, 0.5, -0.5), (0.0, 1.0, -1.0, -0.5)))
STEEPEST = 2.0  # shapes with in_scale·out_scale beyond this have unstable length maps


def tat(activation: Activation, network: Subnetworks, *, curvature: float = 0.3) -> Shape:
    """The shape of a smooth activation at which no subnetwork's correlation map bends more than `curvature` (τ) at 1.

    The local target κ solves network(0, x ↦ x + κ) = τ; α, β, δ solve Q′(1) = 1, C′(1) = 1, C″(1) = κ, and γ makes Q(1) = 1.
    Fails for activations with corners, whose C″(1) is infinite: `tailored_leaky_relu` for those.

    Raises:
        InputError: τ ≤ 0, an activation with corners, or no shape reaches the target.

    Example:
        >>> from steadygrad.theory import activations
        >>> from steadygrad.theory.shaping import chain
        >>> phi = shaped(activations.get("tanh"), tat(activations.get("tanh"), chain(100)))
        >>> round(gaussian.slope_moment(phi), 6), round(100 * curvature_at_1(phi), 6)
        (1.0, 0.3)
    """
    if not curvature > 0.0:
        raise InputError(f"`curvature` must be positive, got {curvature!r}")
    if activation.homogeneous or _has_corners(activation):
        raise InputError(f"TAT must be asked of a smooth activation, got `{activation.name}`; use tailored_leaky_relu(network)")
    local = increasing(lambda k: network(0.0, lambda x: x + k), curvature, 0.0, math.inf)

    def at(x: Array) -> Shape:
        scale, shift, offset = (float(v) for v in x)
        second = gaussian.second_moment(shaped(activation, Shape(scale, shift, offset, 1.0)))
        if not second > 1e-30:
            raise InputError(f"`{activation.name}` must pass something around {shift:g}, got E[φ²] = {second:g}")
        return Shape(scale, shift, offset, second**-0.5)

    def errors(x: Array) -> Array:
        phi = shaped(activation, at(x))
        return np.array([length_slope_at_1(phi) - 1.0, gaussian.slope_moment(phi) - 1.0, curvature_at_1(phi) - local])

    def accept(x: Array) -> bool:
        found = at(x)
        mirrored = activation.odd and found.in_shift < 0.0  # −φ̂(−x), the other of the pair that an odd φ has
        return 0.0 < found.in_scale * found.out_scale < STEEPEST and not mirrored

    return at(solve(errors, STARTS, accept, f"the shape of `{activation.name}` with C″(1) = {local:.6g}"))


def tailored_leaky_relu(network: Subnetworks, *, correlation: float = 0.9) -> tuple[float, float]:
    """(negative_slope, out_scale) at which no subnetwork maps c = 0 above `correlation` (η).

    Raises:
        InputError: η outside (0, 1), or so large that plain ReLU stays below it: then any slope will do.

    Example:
        >>> from steadygrad.theory.shaping import chain
        >>> [round(x, 6) for x in tailored_leaky_relu(chain(50))]
        [0.430523, 1.298948]
    """
    if not 0.0 < correlation < 1.0:
        raise InputError(f"`correlation` must lie in (0, 1), got {correlation!r}")
    reached = network(0.0, lambda c: leaky_relu_map(c, 0.0))
    if reached < correlation:
        raise InputError(f"`correlation` must be at most {reached:.6g}, where ReLU itself ends in this network, got {correlation!r}")
    slope = increasing(lambda a: 1.0 - network(0.0, lambda c: leaky_relu_map(c, a)), 1.0 - correlation, 0.0, 1.0)
    return slope, math.sqrt(2.0 / (1.0 + slope**2))


def leaky_relu_map(c: float, negative_slope: float) -> float:
    """C(c) of leaky ReLU, in closed form.

    Example:
        >>> round(leaky_relu_map(0.0, 0.0), 6)  # 1/π
        0.31831
    """
    c = min(max(c, -1.0), 1.0)
    weight = (1.0 - negative_slope) ** 2 / (math.pi * (1.0 + negative_slope**2))
    return c + weight * (math.sqrt((1.0 - c) * (1.0 + c)) - c * math.acos(c))


def _has_corners(activation: Activation) -> bool:
    """Whether φ′ jumps at a kink near the origin."""
    near = [k for k in activation.kinks if abs(k) < 10.0]
    return any(abs(float(np.diff(activation.derivative([k - 1e-9, k + 1e-9]))[0])) > 1e-6 for k in near)
