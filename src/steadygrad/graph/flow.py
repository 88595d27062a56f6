"""Follow moments through a traced graph: signals forward from the inputs, gradients back from the outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, prod

import numpy as np

from steadygrad.graph.neighbours import over_positions, taken_out
from steadygrad.graph.ops import borders, flow_of
from steadygrad.graph.ops.flow import Array, Gradient, Offset, Passage, Profile, Signal
from steadygrad.graph.ops.movement import reduced
from steadygrad.graph.ops.recurrent import at_least
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph

Moment = Callable[[ParameterUse], Array]
"""E[w²] of a parameter operand, per hypothesis."""
Measured = Callable[[Node], float | None]
"""How much an op changed the second moment when the model ran, q_out/Σq_in; None where it was not measured."""
UNKNOWN = ("opaque", "pointwise", "join", "activation", "scale", "contract")
WITHOUT_SIGNAL = Signal(np.zeros(1))
MIXING = ("affine", "contract", "attention", "opaque", "loss")  # ops after which positions are not those before


@dataclass
class Walk:
    """One walk through the graph: what it predicts, and where it had to be told.

    Attributes:
        signals: node index → moments of its first output.
        gradients: node index → moments of the gradient of that output, relative to the outputs'.
        measured: indices of nodes whose change was measured, for want of a closed form.
        corrections, returned: node index → measured over predicted second moment of what it makes, and of the gradient of that, where a run
            is to correct the prediction.
        fixed: node index → second moment that was measured and that no weight changes.
        ahead: whether states of gated recurrences are taken as large as they become once gates are open.
        seen, felt: those measured second moments: the walk then notes the corrections that lead to them.
        offsets: activation → mean of what it was seen to read.
        centred: indices of nodes whose bias takes the offset of what they read out.
        centres: indices of convolutions whose kernels have nothing but their centre tap.
    """

    graph: SignalGraph
    batch: int
    moment: Moment
    ratio: Measured = lambda node: None
    signals: dict[int, Signal] = field(default_factory=dict)
    gradients: dict[int, Gradient] = field(default_factory=dict)
    measured: set[int] = field(default_factory=set)
    centred: set[int] = field(default_factory=set)
    centres: set[int] = field(default_factory=set)
    corrections: dict[int, float] = field(default_factory=dict)
    returned: dict[int, float] = field(default_factory=dict)
    fixed: Mapping[int, float] = field(default_factory=dict)
    ahead: bool = False
    seen: Mapping[int, float] = field(default_factory=dict)
    felt: Mapping[int, float] = field(default_factory=dict)
    offsets: Mapping[int, Offset] = field(default_factory=dict)

    def passage(self, node: Node) -> Passage:
        """The op with what comes in."""
        shapes = tuple(self.graph.nodes[i].outputs[0] for i in node.inputs if self.graph.nodes[i].outputs)
        incoming = tuple(self.signals.get(i, WITHOUT_SIGNAL) for i in node.inputs)
        if node.index in self.centred:
            incoming = tuple(map(_without_offset, incoming))
        positions = over_positions(self.graph, node) if node.kind in ("contract", "softmax") else None
        bias = None if node.bias is None else self.graph.nodes[node.bias].outputs[0]
        return Passage(node, incoming, shapes, self.batch, self.moment, node.index in self.centres, positions, self.offsets.get(node.index), bias)

    def forward(self, node: Node) -> Signal:
        """Moments of what `node` makes; kept."""
        at, flow, part = self.passage(node), flow_of(node.op, node.kind), taken_out(self.graph, node)
        made = None
        if part is not None:
            made = self.signals.get(part)
        elif flow is not None and (at.incoming or node.uses) and node.kind != "opaque":
            made = flow.forward(at)
        if made is None or not np.isfinite(made.q).all():  # exp of a Gaussian as wide as a sum of log decays, which are negative
            made = self._told(node, at)
        if node.kind not in MIXING:
            profile = _of_parts(node, at)
            made = replace(made, profile=profile) if profile or made.profile else made
        if node.index in self.fixed and made.value > 0.0:
            made = made.times(self.fixed[node.index] / made.value)
        _learn(self.corrections, self.seen, node.index, made.value)
        if node.index in self.corrections:
            made = made.times(self.corrections[node.index])
        if self.ahead and 0.0 < made.value < at_least(node):
            made = made.times(at_least(node) / made.value)
        self.signals[node.index] = made
        return made

    def _told(self, node: Node, at: Passage) -> Signal:
        """An op without a closed form changes moments as it was seen to; keeps them where nothing was seen."""
        self.measured.add(node.index)
        if not at.incoming:  # of a constant, such as a table of distances, taken for ones until something was seen
            weight = next((use for use in at.of_role("weight") if use.fans is not None), None)
            return Signal(np.ones(1) if weight is None or weight.fans is None else at.moment(weight) * weight.fans.fan_in)
        total = sum((signal.q for signal in at.incoming), np.zeros(1))
        alike = at.incoming[0]
        ratio = self.ratio(node)
        if node.kind == "pool" and ratio is not None:
            return reduced(at, ratio)
        return Signal(total * (1.0 if ratio is None else ratio), alike.mean, alike.c, alike.b, alike.above if node.kind == "pool" else 0.0)

    def backward(self, ends: Mapping[int, Gradient]) -> None:
        """Gradients of all nodes, from those of the ends; contributions of several readers are independent and add."""
        self.gradients, past = {}, dict[int, Gradient]()  # of concatenations, what went to one of their operands past them
        for node in reversed(self.graph.nodes):
            own = _sum(self.gradients.get(node.index), ends.get(node.index))
            whole = _sum(own, past.get(node.index))
            if whole is None:
                continue
            _learn(self.returned, self.felt, node.index, float(whole.g[0]))
            factor = self.returned.get(node.index, 1.0)
            self.gradients[node.index] = whole.times(factor)
            if own is None:
                continue
            own, part = own.times(factor), taken_out(self.graph, node)
            if part is not None:
                self.gradients[part] = _sum(self.gradients.get(part), own) or own
                spread = own.times(_entries(node) / max(_entries(self.graph.nodes[node.inputs[0]]), 1))
                past[node.inputs[0]] = _sum(past.get(node.inputs[0]), spread) or spread
                continue
            flow = flow_of(node.op, node.kind)
            at = self.passage(node)
            back = flow.backward(at, self.signals[node.index], own) if flow is not None and at.incoming else [own for _ in at.incoming]
            if at.incoming and (flow is None or (node.index in self.measured and node.kind in UNKNOWN)):  # of degree 1, as far as it is known
                back = [own.times(_change(self.signals[node.index], at) * at.made / max(at.read(i), 1)) for i in range(len(at.incoming))]
            for source, shape, gradient in zip(node.inputs, at.shapes, back, strict=False):
                if gradient is not None:
                    if node.kind not in MIXING and (own.profile or gradient.profile):
                        gradient = replace(gradient, profile=borders.carried(own.profile, _shape(node), shape.shape))
                    self.gradients[source] = _sum(self.gradients.get(source), gradient) or gradient
            if node.bias is not None and len(back) > len(node.inputs) and back[-1] is not None:
                self.gradients[node.bias] = _sum(self.gradients.get(node.bias), back[-1]) or back[-1]


def _shape(node: Node) -> tuple[int, ...]:
    return node.outputs[0].shape if node.outputs else ()


def _entries(node: Node) -> int:
    return prod(_shape(node))


def _of_parts(node: Node, at: Passage) -> Profile:
    """Over positions a sum is like its parts, each by its size; other ops keep what is the same at all positions so."""
    parts = [borders.carried(x.profile, shape.shape, _shape(node)) for x, shape in zip(at.incoming, at.shapes, strict=False)]
    return borders.merged(parts, [x.value for x in at.incoming[: len(parts)]]) if any(parts) else ()


def _learn(corrections: dict[int, float], measured: Mapping[int, float], index: int, predicted: float) -> None:
    if predicted > 0.0 and isfinite(predicted) and measured.get(index, 0.0) > 0.0:
        corrections[index] = measured[index] / predicted


def _without_offset(signal: Signal) -> Signal:
    left = max(1.0 - signal.mean, 1e-12)
    return Signal(signal.q * left, 0.0, (signal.c - signal.mean) / left, (signal.b - signal.mean) / left)


def _change(made: Signal, at: Passage) -> float:
    total = sum(signal.value for signal in at.incoming)
    return made.value / total if total > 0.0 else 1.0


def _sum(left: Gradient | None, right: Gradient | None) -> Gradient | None:
    if left is None or right is None:
        return left if right is None else right
    g = left.g + right.g
    own = float(g[0])
    if own <= 0.0:
        return Gradient(g)
    c, lift = ((a * float(left.g[0]) + b * float(right.g[0])) / own for a, b in ((left.c, right.c), (left.lift, right.lift)))
    return Gradient(g, c, lift=lift, profile=borders.merged([left.profile, right.profile], [float(left.g[0]), float(right.g[0])]))
