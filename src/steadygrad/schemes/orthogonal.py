"""Orthogonal weights: all singular values equal, so that no direction of signal or gradient is favoured."""

from math import sqrt

from steadygrad.randomness import structured
from steadygrad.randomness.composed import Computed
from steadygrad.randomness.law import Fans, Law
from steadygrad.schemes.rescaled import rescaled
from steadygrad.schemes.scheme import Scheme, positive


class orthogonal(Scheme):  # noqa: N801 - called like the function it is known as
    """gain·scale·Q, Q uniform among matrices with orthonormal rows or columns; kernel axes count as columns.

    A square layer is then an isometry in both directions. A widening one (rows > columns) keeps the length of signals,
    so that their second moment falls by fan_in/fan_out; `scaled_orthogonal` mends that. A flattened convolution kernel
    is not an isometry of the convolution; `delta_orthogonal` is.

    Args:
        scale: multiplies as the gain does.
        groups: one independent matrix for each group of a grouped convolution.

    Source: Saxe, McClelland & Ganguli 2013, arXiv:1312.6120.

    Example:
        >>> orthogonal().law(Fans(64.0, 64.0), 2.0).scale
        2.0
    """

    name = "orthogonal"
    formula = "w = gain·scale·Q, QᵀQ = I or Q·Qᵀ = I;  rms = gain·scale/√max(rows, columns)"
    source = "Saxe, McClelland & Ganguli 2013, arXiv:1312.6120"
    assumes = "a square weight, or one whose widening by rows/columns the next scale takes up"
    fails = "widening layers lose second moment; flattened convolution kernels are not isometries; ReLU breaks it like any other scheme"
    needs = "at least two axes"

    def __init__(self, scale: float = 1.0, groups: int = 1) -> None:
        self.scale, self.groups = scale, groups
        self.law(Fans(1.0, 1.0))

    def law(self, fans: Fans, gain: float = 1.0) -> structured.Orthogonal:
        """Haar-distributed."""
        return structured.orthogonal(gain * self.scale, self.groups)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Plain, and scaled in groups."""
        return cls(), cls(0.5, 4)


class delta_orthogonal(orthogonal):  # noqa: N801
    """gain·scale·Q at the middle of the kernel, 0 elsewhere: at stride 1 and out ≥ in an isometry of the convolution.

    Source: Xiao et al. 2018, arXiv:1806.05393 (delta-orthogonal kernels).

    Example:
        >>> delta_orthogonal().law(Fans(144.0, 144.0)).rms((16, 16, 3, 3)) * 12.0
        1.0
    """

    name = "delta_orthogonal"
    formula = "w[:, :, k//2] = gain·scale·Q, 0 elsewhere;  rms = gain·scale/√(max(out, in)·∏k)"
    source = "Xiao et al. 2018, arXiv:1806.05393"
    assumes = "stride 1, odd kernels, as many output as input channels or more"
    fails = "in > out (directions are lost), even kernels (off centre), depthwise; the zeros train slowly under plain SGD"
    shape = (48, 16, 3, 3)

    def law(self, fans: Fans, gain: float = 1.0) -> structured.Orthogonal:
        """Haar-distributed, at the centre."""
        return structured.delta_orthogonal(gain * self.scale, self.groups)


class scaled_orthogonal(Scheme):  # noqa: N801
    """Scaled-corrected uniform orthogonal: √max(rows/columns, 1)·gain·Q, which keeps the second moment of the signal always.

    Written for any use: the matrix is scaled until its entries have √E[w²] = gain/√fan_in, whichever of rows and
    columns are more, with groups, strides and transposed kernels, flattened or at the centre of the kernel (delta).

    Source: Martens et al. 2021, arXiv:2110.01765 (SUO); delta: the same with Xiao et al. 2018.

    Example:
        >>> [round(scaled_orthogonal().law(Fans(n, m)).rms((int(m), int(n))) ** 2 * n, 12) for n, m in ((8.0, 2.0), (2.0, 8.0))]
        [1.0, 1.0]
    """

    name = "scaled_orthogonal"
    formula = "Var[w] = gain²/fan_in"
    source = "Martens et al. 2021, arXiv:2110.01765 (scaled-corrected uniform orthogonal)"
    assumes = "gain = 1/√E[φ(z)²]; a shared scale of all singular values is wanted"
    fails = "as `he_normal` where the activation does; delta with even kernels is off centre"
    keeps = "signal"
    needs = "at least two axes"

    def __init__(self, delta: bool = False, groups: int = 1) -> None:
        self.delta, self.groups = delta, groups
        self._matrix: Law = structured.Orthogonal(1.0, groups, delta)

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Haar-distributed, of the width the fan asks for."""
        return rescaled(self.name, self._matrix, gain / sqrt(positive(fans.fan_in, fans, self.name)))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Flattened, at the centre."""
        return cls(), cls(delta=True)
