"""Means of what activations read: what of them stays whatever weights are, and what grows with these."""

import math
from collections.abc import Container

from steadygrad.graph.ops.flow import Offset
from steadygrad.graph.signal_graph import MOVED, Node
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Moments


def offsets(seen: Evidence) -> dict[int, Offset]:
    """Activation → mean of what it read: what was added behind the last weight, and the rest over rms."""
    found = {}
    for node in seen.graph.nodes:
        moments = _moments(seen, node.inputs[0]) if node.kind == "activation" and len(node.inputs) == 1 else None
        if moments is not None and 0.0 < moments.q < math.inf:
            fixed = _added(seen, node.inputs[0])
            found[node.index] = Offset(fixed, (moments.mean - fixed) / math.sqrt(moments.q), _decays(seen, node))
    return found


def standing(seen: Evidence, kept: Container[str]) -> dict[int, Offset]:
    """As far as they hold for other weights too: what `kept` biases add, and log decays, which have one sign however they are made."""
    found = {}
    for index, offset in offsets(seen).items():
        fixed = _added(seen, seen.graph.nodes[index].inputs[0], kept)
        if offset.one_sided or fixed != 0.0:
            found[index] = Offset(fixed, offset.share if offset.one_sided else 0.0, offset.one_sided)
    return found


def _added(seen: Evidence, index: int, kept: Container[str] | None = None) -> float:
    """By how much biases, or those that are `kept`, move the mean behind the last weight: no scale of a weight changes that."""
    total = 0.0
    while True:
        node = seen.graph.nodes[index]
        names = [use.parameters[0] for use in node.uses if use.role in ("bias", "shift") and (kept is None or use.parameters[0] in kept)]
        if node.kind in ("affine", "norm"):
            plain = [use.parameters[0] for use in node.uses if not use.derived]
            return total + sum(seen.parameters[name].value.moments.mean for name in names if name in plain and name in seen.parameters)
        adds = node.kind == "pointwise" and node.op in ("add", "sub")
        if len(node.inputs) != 1 or not (adds or node.kind in (*MOVED, "shift")):
            return total
        if adds or names:
            made, read = _moments(seen, node.index), _moments(seen, node.inputs[0])
            total += made.mean - read.mean if made is not None and read is not None else 0.0
        index = node.inputs[0]


def _decays(seen: Evidence, node: Node) -> bool:
    """Whether it is an exponential that was nowhere above 1: of a normal value it would be, and far above where some decays are fast."""
    return node.op == "exp" and node.index in seen.signals and seen.signals[node.index].moments.absmax <= 1.0


def _moments(seen: Evidence, index: int) -> Moments | None:
    """Of a signal, behind views, which are not measured."""
    if index not in seen.signals and seen.graph.nodes[index].kind in MOVED:
        index = next((n.index for n in [seen.graph.upstream(index)] if n is not None), -1)
    return seen.signals[index].moments if index in seen.signals else None
