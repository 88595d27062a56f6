"""Attention logits of unit size, where the model does not see to it; and what gates are opened by."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from steadygrad.graph.flow import Walk
from steadygrad.graph.ops.attention import logits, spread
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.planner.standing import GATES

if TYPE_CHECKING:
    from steadygrad.planner.design import Design

LARGEST = 1.0
"""Second moment of attention logits: rows attend to e times as few positions as uniform ones."""
SLACK = 1.5
REACH = 8  # ops between a softmax and a sum or product
WIDEST = 4.0
"""Second moment of what gates read: at 2 the slope of a sigmoid has fallen to 0.42 of its largest."""


class _Term(NamedTuple):
    """What logits are a sum of: its variance within a row, and the signals that it is a product of."""

    size: float
    operands: tuple[int, ...]


def shrink_logits(design: "Design", walk: Walk) -> bool:
    """Note smaller query and key weights where logits are too large; whether there were any.

    What makes a bias of them stays: it is a signal itself, which would be lost among the others.
    """
    factors: dict[str, float] = {}
    for node in design.graph.nodes:
        terms = [term for term in _terms(design.graph, walk, node) if len(term.operands) > 1]
        size = sum(term.size for term in terms)
        if not np.isfinite(size) or size <= SLACK * LARGEST:
            continue
        for term in terms:
            behind = [name for name in (_weight_behind(design.graph, i) for i in term.operands) if name is not None and name not in design.kept]
            for name in behind:  # a weight for both counts twice, one that several attentions share once
                factors[name] = min(factors.get(name, 1.0), (LARGEST / size) ** (1.0 / len(behind)))
    for name, factor in factors.items():
        design.shrunk[name] = design.shrunk.get(name, 1.0) * factor
    return bool(factors)


def logit_operands(graph: SignalGraph, walk: Walk) -> list[tuple[float, tuple[int, ...]]]:
    """Second moment of the logits of every attention, and what they are products of; of each of the terms that they are sums of."""
    return [(term.size, term.operands) for node in graph.nodes for term in _terms(graph, walk, node) if 0.0 < term.size < np.inf]


def gate_operands(graph: SignalGraph) -> list[int]:
    """What sigmoids read: far from 0 they are open or shut, and let less and less gradient through to whatever decides which."""
    return [node.inputs[0] for node in graph.nodes if node.kind == "activation" and node.op in GATES and node.index in graph.feeds_weights]


def _terms(graph: SignalGraph, walk: Walk, node: Node) -> list[_Term]:
    """What its softmax reads, or the activation that stands in its place; [] of other ops.

    A softmax does not see what a row has in common: the offset of a bias 16·σ(x) is 8, of which nothing counts.
    """
    at = walk.passage(node)
    if node.kind == "attention" and len(at.incoming) == 3:
        return [_Term(logits(at), node.inputs[:2])]
    if not at.incoming or node.index not in graph.feeds_weights or not (node.op == "softmax" or node.kind == "activation"):
        return []
    softmax = node.op == "softmax"
    found = _summed(graph, walk, node.inputs[0], bool(at.positions) if softmax else None)
    products = [term for term in found if len(term.operands) > 1]
    if not products:
        return []
    if softmax:
        return found
    return [_Term(at.incoming[0].value, products[0].operands)]


def _summed(graph: SignalGraph, walk: Walk, index: int, positions: bool | None) -> list[_Term]:
    """Products of queries and keys behind a softmax, and what is added to them, each as large as it is there."""
    factor = 1.0
    for _ in range(REACH):
        made = graph.nodes[index]
        signal = walk.signals.get(index)
        if signal is None or not made.inputs:
            return []
        if made.kind == "contract":
            return [_Term(factor * spread(signal, positions), made.inputs[:2])]
        if made.kind in ("affine", "activation"):
            return [_Term(factor * spread(signal, positions), (index,))]
        if made.kind == "join" and made.op in ("add", "sub"):
            found = [_summed(graph, walk, i, positions) for i in made.inputs]
            return [_Term(factor * term.size, term.operands) for terms in found for term in terms]
        if made.kind not in ("view", "cast", "pointwise", "shift", "scale", "join"):
            return []
        before = walk.signals.get(made.inputs[0])
        if before is not None and before.value > 0.0:
            factor *= signal.value / before.value if made.kind != "shift" else 1.0
        index = made.inputs[0]
    return []


def _weight_behind(graph: SignalGraph, index: int) -> str | None:
    """The weight that sets the size of an operand; None behind a norm."""
    for _ in range(12):
        made = graph.nodes[index]
        if made.kind == "affine":
            return next((use.parameters[0] for use in made.uses if use.role == "weight" and use.fans is not None), None)
        if made.kind == "norm" or not made.inputs:
            return None
        index = made.inputs[0]
    return None
