"""Looks-linear: a rectifier network that starts as a linear one."""

from math import sqrt

import numpy as np

from steadygrad.errors import InputError
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Fans, Shape
from steadygrad.randomness.structured import Orthogonal
from steadygrad.schemes.scheme import Scheme, positive


class looks_linear(Scheme):  # noqa: N801 - called like the function it is known as
    """[V, −V] after the concatenated rectifier (ρ(z), ρ(−z)): V·ρ(z) − V·ρ(−z) = V·z, linear until training breaks it.

    With `mirror` the outputs are paired as well, [[V, −V], [−V, V]], so that a plain ReLU between such layers acts as
    the concatenated one. V is orthogonal, scaled so that √E[w²] = gain/√fan_in: gain √2, ReLU's, makes each layer keep
    the length of z.

    Args:
        mirror: pair the outputs too.
        delta: V at the centre of the kernel.

    Raises:
        InputError: when drawn, an odd number of inputs (or outputs, with mirror).

    Source: Balduzzi et al. 2017, arXiv:1702.08591.

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> w = draw(looks_linear().law(Fans(4.0, 2.0)), (2, 4), name="w")
        >>> bool((w[:, :2] == -w[:, 2:]).all())
        True
    """

    name = "looks_linear"
    formula = "w = [V, −V], V·Vᵀ ∝ I;  Var[w] = gain²/fan_in"
    source = "Balduzzi et al. 2017, arXiv:1702.08591"
    assumes = "inputs that are pairs (ρ(z), ρ(−z)), the second half of the channels mirroring the first; stride 1 with delta"
    fails = "unpaired inputs: half the directions are lost; other activations than ReLU"
    keeps = "signal"
    needs = "an even number of inputs (second axis), and of outputs with mirror"

    def __init__(self, mirror: bool = False, delta: bool = False) -> None:
        self.mirror, self.delta = mirror, delta

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Mirrored copies of one orthogonal matrix."""
        rms = gain / sqrt(positive(fans.fan_in, fans, self.name))
        matrix = Orthogonal(delta=self.delta)

        def function(shape: Shape, draw: Draw) -> Values:
            part = self._part(shape)
            v = draw(matrix, part) * (rms / matrix.rms(part))
            rows = np.concatenate([v, -v], axis=1)
            return np.concatenate([rows, -rows], axis=0) if self.mirror else rows

        def mean_square(shape: Shape) -> float:
            return rms * rms * bool(self._part(shape))  # a shape without pairs is refused here too

        return Computed(self.name, function, mean_square)

    def _part(self, shape: Shape) -> Shape:
        if len(shape) < 2 or shape[1] % 2 or (self.mirror and shape[0] % 2):
            pairs = "inputs and outputs" if self.mirror else "inputs"
            raise InputError(f"`{self.name}` must be drawn into a weight with an even number of {pairs}, got shape {tuple(shape)}")
        return (shape[0] // 2 if self.mirror else shape[0], shape[1] // 2, *shape[2:])

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """One-sided, mirrored, at the centre."""
        return cls(), cls(mirror=True), cls(delta=True)
