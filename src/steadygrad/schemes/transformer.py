"""Widths of transformer weights that depend on depth or model width instead of the fans."""

from math import sqrt

from steadygrad.randomness.law import Fans, Independent, normal, uniform
from steadygrad.schemes.parts import counted
from steadygrad.schemes.scheme import Scheme, above_zero, at_least, positive

PRE_NORM = "pre-norm blocks, whose norms make the widths of all but the residual outputs matter little"


class gpt2_residual(Scheme):  # noqa: N801 - called like the functions they are known as
    """N(0, (std/√(2·layers))²) for the last weight of both branches of a block: the stream's sum of 2·layers keeps its size.

    Args:
        layers: blocks of the model, each with two branches.
        std: of the other weights.

    Source: Radford et al. 2019 (GPT-2), section 2.3.

    Example:
        >>> round(gpt2_residual(12).law(Fans(768.0, 768.0)).std, 7)
        0.0040825
    """

    name = "gpt2_residual"
    formula = "w ~ N(0, (std/√(2·layers))²)"
    source = "Radford, Wu, Child, Luan, Amodei & Sutskever 2019, section 2.3"
    assumes = PRE_NORM
    fails = "post-norm blocks; weights found by name only: other names stay unscaled"
    scales = False

    def __init__(self, layers: int, std: float = 0.02) -> None:
        self.layers, self.std = counted(layers, "layers", self.name), at_least(std, 0.0, "std", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The normal."""
        return normal(self.std / sqrt(2.0 * self.layers))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """The small GPT-2."""
        return (cls(12),)


class small_init(Scheme):  # noqa: N801
    """N(0, 2/(5·width)): Glorot's variance of the d × 4d feed-forward weight, for all weights of the model.

    Args:
        width: d of the model, whichever weight this is.

    Source: Nguyen & Salazar 2019, arXiv:1910.05895 (SmallInit).

    Example:
        >>> round(small_init(1024).law(Fans(1024.0, 1024.0)).std, 6)
        0.019764
    """

    name = "small_init"
    formula = "w ~ N(0, 2/(5·width))"
    source = "Nguyen & Salazar 2019, arXiv:1910.05895 (SmallInit)"
    assumes = PRE_NORM
    fails = "feed-forward layers other than 4 times as wide; networks without norms"
    scales = False

    def __init__(self, width: int) -> None:
        self.width = counted(width, "width", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The normal."""
        return normal(sqrt(2.0 / (5.0 * self.width)))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """A common width."""
        return (cls(1024),)


class wang_init(small_init):  # noqa: N801
    """N(0, (2/(layers·√width))²) for the last weight of each branch, beside `small_init` for the others.

    Source: Wang & Komatsuzaki 2021 (mesh-transformer-jax), as in GPT-NeoX (Black et al. 2022, arXiv:2204.06745, section 2.3.1).

    Example:
        >>> wang_init(1024, 16).law(Fans(1024.0, 1024.0)).std
        0.00390625
    """

    name = "wang_init"
    formula = "w ~ N(0, (2/(layers·√width))²)"
    source = "Black et al. 2022, arXiv:2204.06745 (GPT-NeoX-20B), after Wang & Komatsuzaki 2021"

    def __init__(self, width: int, layers: int) -> None:
        super().__init__(width)
        self.layers = counted(layers, "layers", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """The normal."""
        return normal(2.0 / (self.layers * sqrt(self.width)))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """A common width and depth."""
        return (cls(1024, 16),)


class ds_init(Scheme):  # noqa: N801
    """Glorot's uniform times alpha/√layer: deeper blocks start smaller, so that post-norm residual sums keep their gradient.

    Args:
        layer: index of the block, from 1.
        alpha: in (0, 1], the paper's constant.

    Source: Zhang, Titov & Sennrich 2019, arXiv:1908.11365 (DS-Init).

    Example:
        >>> ds_init(4).law(Fans(3.0, 3.0)).scale
        0.5
    """

    name = "ds_init"
    formula = "w ~ U(−a, a), a = gain·√(6/(fan_in + fan_out))·alpha/√layer"
    source = "Zhang, Titov & Sennrich 2019, arXiv:1908.11365 (DS-Init)"
    assumes = "post-norm transformer blocks numbered from 1"
    fails = "pre-norm blocks, which need no such help; weights shared between layers"

    def __init__(self, layer: int, alpha: float = 1.0) -> None:
        self.layer, self.alpha = counted(layer, "layer", self.name), above_zero(alpha, "alpha", self.name)

    def law(self, fans: Fans, gain: float = 1.0) -> Independent:
        """U(−a, a)."""
        bound = gain * sqrt(6.0 / positive(fans.fan_in + fans.fan_out, fans, self.name)) * self.alpha / sqrt(self.layer)
        return uniform(-bound, bound)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """The first block, and a deep one."""
        return cls(1), cls(9, 0.5)
