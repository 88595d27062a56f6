"""The shaped activation φ̂(x) = γ·(φ(α·x + β) + δ) and its local maps at q = 1."""

from dataclasses import dataclass

from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.activations.custom import differences


@dataclass(frozen=True)
class Shape:
    """The scalars of φ̂(x) = out_scale·(φ(in_scale·x + in_shift) + out_shift).

    Example:
        >>> Shape(1.0, 0.0, 0.0, 1.0).in_scale
        1.0
    """

    in_scale: float
    in_shift: float
    out_shift: float
    out_scale: float


def shaped(activation: Activation, shape: Shape) -> Activation:
    """φ̂ as an activation; in PyTorch: `out_scale * (phi(in_scale * x + in_shift) + out_shift)`.

    Example:
        >>> from steadygrad.theory import activations
        >>> shaped(activations.get("relu"), Shape(2.0, 0.0, -1.0, 3.0)).phi([1.0]).tolist()
        [3.0]
    """
    a, b, d, g = shape.in_scale, shape.in_shift, shape.out_shift, shape.out_scale

    def phi(x: Array) -> Array:
        return g * (activation.phi(a * x + b) + d)

    def derivative(x: Array) -> Array:
        return g * a * activation.derivative(a * x + b)

    kinks = tuple(sorted((k - b) / a for k in activation.kinks)) if a != 0.0 else ()
    return Activation(f"shaped {activation.name}", phi, derivative, kinks, bounded=activation.bounded)


def length_slope_at_1(phi: Activation) -> float:
    """Q′(1) = E[φ φ′ z] at q = 1.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(length_slope_at_1(activations.get("identity")), 9)
        1.0
    """
    return gaussian.expectation(lambda z: phi.phi(z) * phi.derivative(z) * z, kinks=phi.kinks)


def curvature_at_1(phi: Activation) -> float:
    """C″(1) = E[φ″(z)²] for Q(1) = 1, φ″ by five-point differences of φ′; ∞ in truth at a corner, so for smooth φ only.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(curvature_at_1(activations.get("sin")), 6)  # E[sin²] = (1 − e⁻²)/2
        0.432332
    """
    second = differences(phi.derivative, phi.kinks)
    return gaussian.expectation(lambda z: second(z) ** 2, kinks=phi.kinks)
