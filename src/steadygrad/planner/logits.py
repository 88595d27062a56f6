"""Attention logits of unit size, where the model does not see to it; and what gates are opened by."""

from typing import TYPE_CHECKING

import numpy as np

from steadygrad.graph.flow import Walk
from steadygrad.graph.ops.attention import logits
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.planner.standing import GATES

if TYPE_CHECKING:
    from steadygrad.planner.design import Design

LARGEST = 1.0
"""Second moment of attention logits: rows attend to e times as few positions as uniform ones."""
SLACK = 1.5
WIDEST = 4.0
"""Second moment of what gates read: at 2 the slope of a sigmoid has fallen to 0.42 of its largest."""


def shrink_logits(design: "Design", walk: Walk) -> bool:
    """Note smaller query and key weights where logits are too large; whether there were any."""
    factors: dict[str, float] = {}
    for node in design.graph.nodes:
        size, operands = _logits(design.graph, walk, node)
        if not np.isfinite(size) or size <= SLACK * LARGEST:
            continue
        behind = [name for name in (_weight_behind(design.graph, i) for i in operands) if name is not None and name not in design.kept]
        for name in behind:  # a weight for both counts twice, one that several attentions share once
            factors[name] = min(factors.get(name, 1.0), (LARGEST / size) ** (1.0 / len(behind)))
    for name, factor in factors.items():
        design.shrunk[name] = design.shrunk.get(name, 1.0) * factor
    return bool(factors)


def logit_operands(graph: SignalGraph, walk: Walk) -> list[tuple[float, tuple[int, ...]]]:
    """Second moment of the logits of every attention, and what they are products of."""
    return [found for node in graph.nodes if (found := _logits(graph, walk, node))[0] > 0.0 and np.isfinite(found[0])]


def gate_operands(graph: SignalGraph) -> list[int]:
    """What sigmoids read: far from 0 they are open or shut, and let less and less gradient through to whatever decides which."""
    return [node.inputs[0] for node in graph.nodes if node.kind == "activation" and node.op in GATES and node.index in graph.feeds_weights]


def _logits(graph: SignalGraph, walk: Walk, node: Node) -> tuple[float, tuple[int, ...]]:
    """Their second moment before this op's softmax, or the activation that stands in its place, and what they are products of."""
    at = walk.passage(node)
    if node.kind == "attention" and len(at.incoming) == 3:
        return logits(at), node.inputs[:2]
    if (node.op == "softmax" or node.kind == "activation") and at.incoming and node.index in graph.feeds_weights:
        scores = _scores(graph, node.inputs[0])
        if scores is not None:
            return at.incoming[0].value, scores.inputs[:2]
    return 0.0, ()


def _scores(graph: SignalGraph, index: int) -> Node | None:
    """The product of queries and keys behind a softmax."""
    for _ in range(8):
        made = graph.nodes[index]
        if made.kind == "contract":
            return made
        if made.kind not in ("view", "cast", "pointwise", "shift", "join") or not made.inputs:
            return None
        index = made.inputs[0]
    return None


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
