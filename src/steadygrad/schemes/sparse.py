"""Sparse weights: few connections to a unit, or many zeros in a column."""

from math import sqrt

from steadygrad.errors import InputError
from steadygrad.randomness import structured
from steadygrad.randomness.composed import Computed
from steadygrad.randomness.law import Fans
from steadygrad.randomness.law import normal as normal_law
from steadygrad.schemes.rescaled import rescaled
from steadygrad.schemes.scheme import Scheme, positive


class sparse(Scheme):  # noqa: N801 - called like the function it is known as
    """Each unit reads `connections` inputs with weights N(0, gain²/connections), and no others.

    However wide the layer, a unit's input has the second moment gain²·q, without its entries being small. Martens used
    15 connections and weights N(0, 1) (gain √15) under tanh, biases ½.

    Args:
        connections: nonzero weights of one unit; layers with fewer inputs keep all.

    Raises:
        InputError: connections not a positive integer.

    Source: Martens 2010, Deep learning via Hessian-free optimization, section 5.

    Example:
        >>> round(sparse(15).law(Fans(784.0, 100.0)).rms((100, 784)) ** 2 * 784, 9)
        1.0
    """

    name = "sparse"
    formula = "Var[w] = gain²/fan_in"
    source = "Martens 2010, ICML, section 5; Sutskever et al. 2013, ICML"
    assumes = "weights of shape (out, in, …): a row holds what one unit reads"
    fails = "inputs that few units read carry little gradient; hardware gains nothing from these zeros"
    keeps = "signal"
    needs = "at least two axes"

    def __init__(self, connections: int = 15) -> None:
        if isinstance(connections, bool) or not isinstance(connections, int) or connections < 1:
            raise InputError(f"`connections` of {self.name} must be an integer of at least 1, got {connections!r}")
        self.connections = connections

    def law(self, fans: Fans, gain: float = 1.0) -> Computed:
        """Normal entries at places without preference."""
        fan = positive(fans.fan_in, fans, self.name)
        fraction = max(fan - self.connections - 0.5, 0.0) / fan  # half an entry less, so that rounding up meets the count
        return rescaled(self.name, structured.sparse(1.0, fraction, axis=1), gain / sqrt(fan))

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Martens' count, and a single connection."""
        return cls(), cls(1)


class sparse_columns(Scheme):  # noqa: N801
    """N(0, std²) with ⌈fraction·rows⌉ zeros in every column, as torch.nn.init.sparse_ draws it: an absolute width.

    Args:
        fraction: in [0, 1], of the entries of a column.
        std: of the entries that stay.

    Raises:
        InputError: fraction outside [0, 1], std negative or not finite.

    Example:
        >>> sparse_columns(0.5).law(Fans(4.0, 4.0)).rms((4, 4)) == 0.01 * 0.5**0.5
        True
    """

    name = "sparse_columns"
    formula = "w ~ N(0, std²), ⌈fraction·rows⌉ zeros per column"
    source = "torch.nn.init.sparse_, PyTorch 2.13, after Martens 2010, ICML, section 5"
    assumes = "the caller knows the right width"
    fails = "columns are the wrong axis for Martens' purpose: units may be left without inputs; std 0.01 ignores the width"
    scales = False
    needs = "at least two axes"

    def __init__(self, fraction: float, std: float = 0.01) -> None:
        self.fraction, self.std = fraction, std
        self.law(Fans(1.0, 1.0))

    def law(self, fans: Fans, gain: float = 1.0) -> structured.Sparse:
        """Normal entries, zeros in every column."""
        return structured.Sparse(normal_law(self.std), self.fraction, axis=0)

    @classmethod
    def specimens(cls) -> tuple[Scheme, ...]:
        """Some zeros, and many."""
        return cls(0.1), cls(0.9, 1.0)
