"""Views of the evidence that several rules share: weights in execution order, and chains that nothing resets."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from steadygrad.graph.neighbours import JOINED
from steadygrad.graph.signal_graph import MOVED, Node, ParameterUse
from steadygrad.probes.evidence import Evidence, ParameterReading
from steadygrad.rules.once import once

NEAR_ZERO = 0.01
"""rms(w)·√fan_in of an output layer that begins next to zero, as published ones of std 2·10⁻⁵ do."""
SUMS = {"add", "sub"}
PASSING = {"activation", "view", "cast", "dropout", "pool", "shift", "scale", "pointwise"}


class Weighted(NamedTuple):
    """One use of one weight matrix or kernel."""

    node: Node
    use: ParameterUse
    reading: ParameterReading

    @property
    def name(self) -> str:
        """The parameter's canonical name."""
        return self.use.parameters[0]

    @property
    def relative_gradient(self) -> float | None:
        """rms(∂L/∂w) / rms(w): the relative change one step of rate 1 would make; None without either."""
        gradient, weight = self.reading.gradient, self.reading.value.moments.rms
        if gradient is None or not weight > 0.0 or not math.isfinite(gradient.moments.rms):
            return None
        return gradient.moments.rms / weight


def weighted(evidence: Evidence) -> Iterator[Weighted]:
    """Every direct use of a weight with fans, first uses first; tied weights once per use."""
    for node in evidence.graph.nodes:
        if node.kind != "affine":
            continue
        for use in node.uses:
            if use.role in ("weight", "recurrent") and use.fans is not None and not use.derived and len(use.shape) > 1:
                reading = evidence.parameters.get(use.parameters[0])
                if reading is not None:
                    yield Weighted(node, use, reading)


def source_of_chain(evidence: Evidence, node: Node) -> Node | None:
    """The affine node that feeds `node` through nothing but elementwise ops, pools and views; None after a reset.

    Normalization, joins, attention and softmax reset a signal's scale, so deviations do not multiply across them.
    """
    current = node
    while current.inputs:
        current = evidence.graph.nodes[current.inputs[0]]
        if current.kind == "affine":
            return current
        if current.kind not in PASSING:
            return None
    return None


def before_norms(evidence: Evidence) -> frozenset[int]:
    """The nodes whose result is normalized before anything else is done with it: what multiplies it changes nothing behind."""
    readers, nodes = evidence.graph.consumers(), evidence.graph.nodes
    normed: set[int] = set()
    passed = (*MOVED, "shift")  # and side by side with others, each channel by itself
    for node in reversed(nodes):
        after = [nodes[r] for r in readers[node.index]]
        if after and all(r.kind == "norm" or ((r.kind in passed or r.op in JOINED) and r.index in normed) for r in after):
            normed.add(node.index)
    return frozenset(normed)


def share_before_norms(evidence: Evidence) -> float:
    """Of the uses of weights, those whose result is normalized before anything else is done with it.

    Such weights have no scale: gradients are orthogonal to them and shrink as they grow, so that a step far beyond where its gradient
    holds ends at a large angle, and not at large outputs.
    """
    normed = before_norms(evidence)
    found = [item.node.index in normed for item in weighted(evidence)]
    return sum(found) / len(found) if found else 0.0


def share_of_used(evidence: Evidence, names: Iterable[str]) -> float:
    """Entries of the named parameters among those of all trainable parameters that the forward used."""
    parameters = evidence.graph.parameters
    used = {name for node in evidence.graph.nodes for use in node.uses for name in use.parameters}
    total = sum(parameters[name].numel for name in used if parameters[name].requires_grad)
    return sum(parameters[name].numel for name in names) / max(total, 1)


def anything_moves(evidence: Evidence) -> bool:
    """Whether a weight, recurrent weight or table gets a gradient that is not exactly zero."""
    uses = (use for node in evidence.graph.nodes for use in node.uses if use.role in ("weight", "recurrent", "table"))
    gradients = (evidence.parameters[name].gradient for use in uses for name in use.parameters)
    return any(gradient is not None and gradient.moments.absmax > 0.0 for gradient in gradients)


def resolution(dtype: str) -> float:
    """Spacing of numbers around 1 (machine epsilon) of a floating dtype by name."""
    return {"float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}.get(dtype, 2.0**-23)


@once
def learned_attenuations(evidence: Evidence) -> dict[int, float]:
    """Node index → product of the small learned scales (LayerScale, ReZero, zero gains) its result meets on the way it is least attenuated.

    They shrink the gradients of everything before them on purpose, and grow by themselves; so does an output layer next to zero.
    1 without any, so on every residual stream; 0 when one is exactly zero. A scale that a norm reads before anything larger was
    added to it counts as 1: the norm multiplies the gradient by what the scale divided it by.
    """
    readers, nodes, last = evidence.graph.consumers(), evidence.graph.nodes, near_zero_outputs(evidence)
    found: dict[int, float] = {}
    undone: dict[int, bool] = {}
    for node in reversed(nodes):
        after = [nodes[r] for r in readers[node.index]]
        undone[node.index] = any(r.kind == "norm" or (undone.get(r.index, False) and _remains(evidence, node, r)) for r in after)
        small = (1.0 if (factor := _small_scale(evidence, r)) > 0.0 and undone.get(r.index, False) else factor for r in after)
        found[node.index] = max((factor * last.get(r.index, 1.0) * found.get(r.index, 1.0) for factor, r in zip(small, after, strict=True)), default=1.0)
    return found


@once
def near_zero_outputs(evidence: Evidence) -> dict[int, float]:
    """Node index → rms(w)·√fan_in of output layers, behind which there is no other weight, where that is below NEAR_ZERO."""
    readers, behind, found = evidence.graph.consumers(), dict[int, bool](), dict[int, float]()
    gains = {item.node.index: item.reading.value.moments.rms * math.sqrt(item.use.fans.fan_in) for item in weighted(evidence) if item.use.fans}
    for node in reversed(evidence.graph.nodes):
        behind[node.index] = any(behind.get(r, False) or r in gains for r in readers[node.index])
        if not behind[node.index] and 0.0 < gains.get(node.index, 1.0) < NEAR_ZERO:
            found[node.index] = gains[node.index]
    return found


def _remains(evidence: Evidence, node: Node, reader: Node) -> bool:
    """Whether `reader`'s result is still of the node's size: where it is a sum, no term ten times as large was added."""
    if reader.kind != "join":
        return True
    term, whole = evidence.signals.get(node.index), evidence.signals.get(reader.index)
    return reader.op in SUMS and term is not None and whole is not None and term.moments.rms > 0.1 * whole.moments.rms


def _small_scale(evidence: Evidence, node: Node) -> float:
    factor = 1.0
    for use in node.uses:
        reading = evidence.parameters.get(use.parameters[0])
        if reading is None or use.role not in ("scale", "weight"):
            continue
        rms = reading.value.moments.rms
        if rms == 0.0 or (use.role == "scale" and rms < 0.1):
            factor *= rms
    return factor
