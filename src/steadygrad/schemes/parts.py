"""Weights that are several weights: gates, fused projections, stacked experts, pixel-shuffle kernels."""

from steadygrad.errors import InputError
from steadygrad.randomness import composed
from steadygrad.randomness.law import Fans
from steadygrad.schemes.he import he_normal
from steadygrad.schemes.orthogonal import orthogonal
from steadygrad.schemes.scheme import Scheme


def counted(value: int, argument: str, scheme: str) -> int:
    """`value`, an integer of at least 1.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"`{argument}` of {scheme} must be an integer of at least 1, got {value!r}")
    return value


class per_gate(Scheme):  # noqa: N801 - called like the functions they are known as
    """`scheme` for each of the equal parts of the first axis: LSTM and GRU gates, fused query, key and value.

    Each part sees its own fan_out, a `gates`-th of the whole; drawn as one tensor an orthogonal scheme would make columns
    orthogonal over all gates together, and a Glorot scheme would halve or quarter the variance.

    Args:
        scheme: of one part.
        gates: how many parts: 4 for LSTM, 3 for GRU and for query, key, value.

    Example:
        >>> len(per_gate(orthogonal(), 4).law(Fans(64.0, 256.0)).laws)
        4
    """

    name = "per_gate"
    formula = "w[part] ~ scheme at (fan_in, fan_out/gates), each part"
    source = "the equations of the gates, each with a matrix of its own: Hochreiter & Schmidhuber 1997; Cho et al. 2014, arXiv:1406.1078"
    assumes = "parts of equal size along the first axis"
    fails = "grouped-query attention and other unequal parts"
    needs = "a first axis that the number of gates divides"

    def __init__(self, scheme: Scheme, gates: int = 4) -> None:
        self.scheme, self.gates = scheme, counted(gates, "gates", self.name)
        self.keeps = scheme.keeps if scheme.keeps != "gradient" else ""

    def law(self, fans: Fans, gain: float = 1.0) -> composed.Blocks:
        """Blocks of the part's law."""
        part = self.scheme.law(Fans(fans.fan_in, fans.fan_out / self.gates), gain)
        return composed.blocks(*(part,) * self.gates)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Orthogonal gates of an LSTM, He for two parts."""
        return cls(orthogonal()), cls(he_normal(), gates=2)


class stacked(Scheme):  # noqa: N801
    """`scheme` for every slice of the first axis, independently: stacked experts and heads.

    The fans are those of one slice (`graph.fans` counts them so).

    Example:
        >>> stacked(orthogonal()).law(Fans(16.0, 16.0)).rms((8, 16, 16))
        0.25
    """

    name = "stacked"
    formula = "w[slice] ~ scheme at the fans of one slice"
    source = "a mixture's experts are layers of their own: Shazeer et al. 2017, arXiv:1701.06538"
    assumes = "fans counted within a slice"
    fails = "schemes that need an axis more than a slice has"
    needs = "an axis more than the scheme needs"
    shape = (4, 16, 12)

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.keeps = scheme.keeps

    def law(self, fans: Fans, gain: float = 1.0) -> composed.Each:
        """One draw for each slice."""
        return composed.each(self.scheme.law(fans, gain))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Orthogonal experts, He experts."""
        return cls(orthogonal()), cls(he_normal())


class icnr(Scheme):  # noqa: N801
    """Sub-pixel convolutions whose factor^dims outputs of one pixel start equal: nearest-neighbour upsampling, no checkerboard.

    The equal channels stand next to each other (c·factor² + i), which is the order torch.nn.PixelShuffle reads; copies
    that tile the whole kernel instead upsample nothing.

    Args:
        scheme: of the kernel before copying.
        factor: of the upsampling.
        dims: spatial dimensions; factor^dims channels become one.

    Source: Aitken et al. 2017, arXiv:1707.02937.

    Example:
        >>> icnr().law(Fans(27.0, 108.0)).times
        4
    """

    name = "icnr"
    formula = "w[c·r² + i] = v[c], v ~ scheme, i < r² = factor^dims"
    source = "Aitken et al. 2017, arXiv:1707.02937"
    assumes = "a pixel shuffle follows; out channels divisible by factor^dims"
    fails = "other channel orders (TensorFlow's depth_to_space puts the copies elsewhere)"
    needs = "a first axis that factor^dims divides"
    shape = (16, 3, 3, 3)

    def __init__(self, scheme: Scheme | None = None, factor: int = 2, dims: int = 2) -> None:
        self.scheme = scheme
        self.factor, self.dims = counted(factor, "factor", self.name), counted(dims, "dims", self.name)
        self._inner = scheme or he_normal()
        self.keeps = "signal" if self._inner.keeps == "signal" else ""

    def law(self, fans: Fans, gain: float = 1.0) -> composed.Repeated:
        """Copies along the first axis; each copy has the fan_in of the use."""
        copies = self.factor**self.dims
        return composed.repeated(self._inner.law(Fans(fans.fan_in, fans.fan_out / copies), gain), copies)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """He, and orthogonal upsampling of a sequence."""
        return cls(), cls(orthogonal(), dims=1)
