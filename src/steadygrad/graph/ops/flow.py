"""What flows through a graph when theory follows it: moments of signals forward, of gradients backward.

Each op file says in `FLOWS` what its ops do to them. Second moments are arrays: one entry per hypothesis about the weights' scales,
all followed in one walk, so that what a change of scale does is a difference of two columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steadygrad.graph.signal_graph import Node, ParameterUse, TensorSpec

Array = NDArray[np.float64]
Profile = tuple[Array, ...]
"""Second moment over positions relative to its mean, per spatial axis, to be multiplied; () where all positions are alike."""


@dataclass(frozen=True)
class Signal:
    """Moments of one tensor's entries, averaged over units, positions and samples.

    Attributes:
        q: second moment, per hypothesis.
        mean: share of q that is one common offset, E[x]²/E[x²], in [0, 1].
        c: cosine between two positions of one sample (E[x_p·x_p′]/q).
        b: cosine between two samples.
        above: share of q in a part that is never negative and half zero, as ReLU leaves it, the rest being independent and centred.
        share: Σ a² over the axis that sums to 1, for attention weights; 0 for everything else.
        profile: q at the positions of a feature map, relative to its mean.
    """

    q: Array
    mean: float = 0.0
    c: float = 0.0
    b: float = 0.0
    above: float = 0.0
    share: float = 0.0
    profile: Profile = ()

    @property
    def value(self) -> float:
        """q of the first hypothesis, the plan's own."""
        return float(self.q[0])

    def times(self, factor: Array | float) -> "Signal":
        """All entries multiplied so that q changes by `factor`."""
        return replace(self, q=self.q * factor)


@dataclass(frozen=True)
class Gradient:
    """Second moment g of ∂L/∂x per entry and hypothesis, and its cosine c between two positions of one sample.

    `chosen` counts the entries each gradient came back to the largest of: a maximum sends it where the signal is large.
    `lift` is how much more of it than half comes where the never-negative part of its signal is positive: 2 where a later ReLU of the very
    same values has masked it already, as in residual streams whose branches add little. `profile` is g at the positions of a feature map,
    relative to its mean.
    """

    g: Array
    c: float = 0.0
    chosen: int = 1
    lift: float = 1.0
    profile: Profile = ()

    def times(self, factor: Array | float) -> "Gradient":
        """g changed by `factor`."""
        return replace(self, g=self.g * factor)


class Offset(NamedTuple):
    """Mean of what an activation reads, fixed + share·rms: what biases and numbers add to it, which stays, and what grows with it; signs included.

    `one_sided` says that all of it has the sign of the mean, as log decays do.
    """

    fixed: float
    share: float
    one_sided: bool = False


@dataclass(frozen=True)
class Passage:
    """One op with what comes in.

    Attributes:
        node: the op.
        incoming: moments of what it reads, in the order of `node.inputs`.
        shapes: of what it reads.
        batch: samples.
        moment: E[w²] of a parameter operand, per hypothesis.
        centre: whether its kernel has nothing but its centre tap.
        positions: of a contraction of two signals, or a softmax, whether it runs over positions; None where that is not known.
        bias: shape of what is added to the logits of fused attention, where that is a signal.
        offset: mean of what an activation was seen to read; None where nothing was seen.
    """

    node: Node
    incoming: tuple[Signal, ...]
    shapes: tuple[TensorSpec, ...]
    batch: int
    moment: Callable[[ParameterUse], Array]
    centre: bool = False
    positions: bool | None = None
    offset: Offset | None = None
    bias: TensorSpec | None = None

    @property
    def made(self) -> int:
        """Entries of the first output."""
        return prod(self.node.outputs[0].shape) if self.node.outputs else 0

    def read(self, which: int = 0) -> int:
        """Entries of one input."""
        return prod(self.shapes[which].shape)

    def of_role(self, *roles: str) -> list[ParameterUse]:
        """Its parameter operands of these roles."""
        return [use for use in self.node.uses if use.role in roles]


Forward = Callable[[Passage], Signal | None]
Backward = Callable[[Passage, Signal, Gradient], Sequence[Gradient | None]]
"""What comes back to each input, and behind them to the bias of fused attention."""


class Flow(NamedTuple):
    """What an op does to moments; `forward` returns None where it cannot say, and the op is then measured instead."""

    forward: Forward
    backward: Backward


def mixed(parts: Sequence[Signal], weights: Sequence[float]) -> Signal:
    """A tensor whose entries are taken from `parts` in these proportions; of one without entries, parts that count alike."""
    weights = weights if sum(weights) > 0.0 else [1.0] * len(parts)
    total = sum(weights)
    q = sum((part.q * w for part, w in zip(parts, weights, strict=True)), np.zeros(1)) / total
    own = float(q[0])
    if own <= 0.0:
        return Signal(q)
    portion = [part.value * w / total / own for part, w in zip(parts, weights, strict=True)]
    mean, c, b = (sum(getattr(p, name) * s for p, s in zip(parts, portion, strict=True)) for name in ("mean", "c", "b"))
    return Signal(q, mean, c, b)


def same(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """The gradient goes back to every input as it is."""
    return [gradient for _ in at.incoming]
