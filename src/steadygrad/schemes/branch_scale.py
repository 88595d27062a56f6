"""Multipliers of residual branches: how much of each block counts before training."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, constant
from steadygrad.schemes.parts import counted
from steadygrad.schemes.scheme import Scheme


class rezero(Scheme):  # noqa: N801 - called like the functions they are known as
    """x + α·f(x) with α = 0: the network starts as the identity. SkipInit is the same scalar in networks without norms.

    Source: Bachlechner et al. 2021, arXiv:2003.04887; De & Smith 2020, arXiv:2002.10444 (SkipInit).

    Example:
        >>> rezero().law(Fans(1.0, 1.0)).mean
        0.0
    """

    name = "rezero"
    formula = "w = 0"
    source = "Bachlechner et al. 2021, arXiv:2003.04887; De & Smith 2020, arXiv:2002.10444 (SkipInit)"
    assumes = "a learnable scalar in front of each branch"
    fails = "the branch itself has no gradient in the first step; the scalar's learning rate decides what follows"
    scales = False
    role = "scale"
    shape = (1,)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The point mass at 0."""
        return constant(0.0)


class layer_scale(Scheme):  # noqa: N801
    """x + diag(γ)·f(x), γ = 0.1 up to 18 blocks, 1e−5 up to 24, 1e−6 beyond.

    Args:
        depth: number of blocks.

    Source: Touvron et al. 2021, arXiv:2103.17239, section 2 (LayerScale).

    Example:
        >>> [layer_scale(depth).law(Fans(1.0, 1.0)).mean for depth in (12, 24, 36)]
        [0.1, 1e-05, 1e-06]
    """

    name = "layer_scale"
    formula = "w = 0.1 (depth ≤ 18), 1e−5 (≤ 24), 1e−6 (deeper)"
    source = "Touvron, Cord, Sablayrolles, Synnaeve & Jégou 2021, arXiv:2103.17239, section 2"
    assumes = "a learnable vector in front of each branch of a vision transformer"
    fails = "low precision: 1e−6 of a branch is lost in a bfloat16 stream"
    scales = False
    role = "scale"

    def __init__(self, depth: int) -> None:
        self.depth = counted(depth, "depth", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The constant."""
        return constant(0.1 if self.depth <= 18 else 1e-5 if self.depth <= 24 else 1e-6)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Each of the three depths."""
        return cls(12), cls(24), cls(36)


class stable_branch(Scheme):  # noqa: N801
    """1/√blocks in front of every branch: the stream's second moment grows at most e-fold over any number of blocks.

        Π (1 + 1/L) over L blocks ≤ e

    Source: Hayou et al. 2021, arXiv:2010.12859 (Stable ResNet, uniform scaling).

    Example:
        >>> stable_branch(16).law(Fans(1.0, 1.0)).mean
        0.25
    """

    name = "stable_branch"
    formula = "w = 1/√blocks"
    source = "Hayou, Clerico, He, Deligiannidis, Doucet & Rousseau 2021, arXiv:2010.12859"
    assumes = "branches that keep the second moment of the stream they read, and a multiplier in front of each"
    fails = "branches of another gain; normalised branches, whose sum grows only linearly anyway"
    scales = False
    role = "scale"

    def __init__(self, blocks: int) -> None:
        self.blocks = counted(blocks, "blocks", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The constant."""
        return constant(1.0 / sqrt(self.blocks))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Sixteen blocks."""
        return (cls(16),)
