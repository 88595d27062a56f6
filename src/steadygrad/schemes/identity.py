"""Identities: layers that start by passing their input on."""

import numpy as np

from steadygrad.randomness import structured
from steadygrad.randomness.composed import Computed, Draw, Values
from steadygrad.randomness.law import Fans, Shape
from steadygrad.schemes.scheme import Scheme


class identity(Scheme):  # noqa: N801 - called like the function it is known as
    """gain·scale·I; where rows and columns differ the partial identity, whose extra rows or columns are 0.

    As the recurrent weight of a ReLU network with zero biases this is the IRNN: the state stays until an input moves it.

    Args:
        scale: on the diagonal; Le et al. use 0.01 where long memory hurts.

    Source: Le, Jaitly & Hinton 2015, arXiv:1504.00941 (IRNN).

    Example:
        >>> identity(0.5).law(Fans(4.0, 4.0)).rms((4, 4))
        0.25
    """

    name = "identity"
    formula = "w = gain·scale·I"
    source = "Le, Jaitly & Hinton 2015, arXiv:1504.00941"
    assumes = "a recurrent or residual use, or other random layers around; small learning rates"
    fails = "plain stacks: nothing tells units apart but their inputs; partial identities drop what does not fit"
    needs = "at least two axes"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.law(Fans(1.0, 1.0))

    def law(self, fans: Fans, gain: float = 1.0) -> structured.Dirac:
        """The diagonal."""
        return structured.identity(gain * self.scale)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """The identity, and a smaller one."""
        return cls(), cls(0.01)


class dirac(Scheme):  # noqa: N801
    """gain·scale·I at the middle tap of the kernel (k//2), within each group: a convolution that passes its input on.

    Args:
        scale: of the tap.
        groups: as of the convolution.
        wrap: where outputs outnumber inputs, copy the inputs again instead of leaving the extra outputs 0.

    Source: Zagoruyko & Komodakis 2017, arXiv:1706.00388.

    Example:
        >>> dirac(groups=8, wrap=True).law(Fans(9.0, 9.0)).rms((8, 1, 3, 3)) * 3.0
        1.0
    """

    name = "dirac"
    formula = "w[i, i mod in, k//2] = gain·scale, 0 elsewhere"
    source = "Zagoruyko & Komodakis 2017, arXiv:1706.00388"
    assumes = "stride 1, odd kernels, padding that keeps the size"
    fails = "even kernels shift by half a step; without wrap extra outputs are 0 and their units equal"
    needs = "at least two axes, the first divisible by groups"
    shape = (16, 4, 3, 3)

    def __init__(self, scale: float = 1.0, groups: int = 1, wrap: bool = False) -> None:
        self.scale, self.groups, self.wrap = scale, groups, wrap
        self.law(Fans(1.0, 1.0))

    def law(self, fans: Fans, gain: float = 1.0) -> structured.Dirac:
        """The tap."""
        return structured.dirac(gain * self.scale, self.groups, wrap=self.wrap)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """One group, four with copies."""
        return cls(), cls(2.0, 4, wrap=True)


class zer_o(Scheme):  # noqa: N801
    """ZerO: the partial identity where rows ≤ columns, else the first rows and columns of a Hadamard matrix over √p.

    Here p is the least power of 2 that is not below the rows; the columns are orthogonal when p = rows. Without the
    Hadamard mixing, networks of partial identities could only learn updates of low rank. No entry is random. Kernels take it
    at the middle tap; biases, and the last weight of each residual branch, are to be `zeros`.

    Source: Zhao, Schäfer & Anandkumar 2021, arXiv:2110.12661, algorithms 1 and 2, with the constant 1/√p of the authors' code.

    Example:
        >>> from steadygrad.randomness.assembly import draw
        >>> draw(zer_o().law(Fans(2.0, 4.0)), (4, 2), "float64", name="w").tolist()
        [[0.5, 0.5], [0.5, -0.5], [0.5, 0.5], [0.5, -0.5]]
    """

    name = "zer_o"
    formula = "w = gain·I (rows ≤ columns) or gain·H[:rows, :columns]/√p"
    source = "Zhao, Schäfer & Anandkumar 2021, arXiv:2110.12661, algorithms 1 and 2"
    assumes = "a residual network whose branches end in zeros"
    fails = "plain networks; rows just above a power of 2 (columns then have norm √(rows/p))"
    needs = "at least two axes"

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Entirely fixed."""

        def function(shape: Shape, draw: Draw) -> Values:
            structured.matrix(shape)
            rows, columns = shape[:2]
            tap = np.zeros(shape[2:])
            tap[tuple(k // 2 for k in shape[2:])] = gain
            return np.multiply.outer(np.eye(rows, columns) if rows <= columns else hadamard(rows, columns), tap)

        return Computed(self.name, function)


def hadamard(rows: int, columns: int) -> Values:
    """The first rows and columns of Sylvester's Hadamard matrix of order p = 2^⌈log₂ rows⌉, over √p: (−1)^|i ∧ j|/√p.

    Example:
        >>> hadamard(2, 2).round(3).tolist()
        [[0.707, 0.707], [0.707, -0.707]]
    """
    shared = np.arange(rows)[:, None] & np.arange(columns)[None, :]
    for shift in (32, 16, 8, 4, 2, 1):  # fold the parity of all bits into the last
        shared ^= shared >> shift
    return (1.0 - 2.0 * (shared & 1)) / np.sqrt(2.0 ** (rows - 1).bit_length())
