"""Where prediction and target meet: the ops of a loss, which side is which, and what made the prediction."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from steadygrad.graph.ops.recurrent import is_projected
from steadygrad.graph.signal_graph import MOVED, Node, SignalGraph
from steadygrad.probes.evidence import Evidence, TensorFacts

REARRANGED = (*MOVED, "pointwise")
HANDMADE = {"sub": "difference", "mul": "product"}
REGRESSION = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference"}
RANGES = {
    "sigmoid": (0.0, 1.0), "hardsigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "softmin": (0.0, 1.0), "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0), "erf": (-1.0, 1.0), "sin": (-1.0, 1.0), "cos": (-1.0, 1.0), "relu": (0.0, math.inf), "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf), "exp": (0.0, math.inf), "square": (0.0, math.inf), "abs": (0.0, math.inf),
    "normalize": (-1.0, 1.0), "cosine_similarity": (-1.0, 1.0), "log_softmax": (-math.inf, 0.0), "logsigmoid": (-math.inf, 0.0),
}  # fmt: skip
STATES = {"lstm": (-1.0, 1.0), "gru": (-1.0, 1.0), "rnn_tanh": (-1.0, 1.0), "rnn_relu": (0.0, math.inf)}
"""Of what recurrent layers put out: a gate times a tanh, a mean of tanhs, a tanh."""


@dataclass(frozen=True)
class Pairing:
    """One place where a prediction meets a target.

    Attributes:
        node: the op at which they meet.
        op: its name: a torch loss ("mse_loss"), or "difference", "product" for `prediction - target`, `prediction * target` by hand.
        head: what made the prediction, seen through views, casts and dropout.
        target: facts of the tensor the target was made from; None when it is no input or target of the batch.
        predicted, expected: shapes of the two sides as they met.
        as_given: the target's numbers met the prediction as they were in the batch, moved or cast but not changed.
    """

    node: Node
    op: str
    head: Node
    target: TensorFacts | None
    predicted: tuple[int, ...]
    expected: tuple[int, ...]
    as_given: bool = False

    @property
    def whole(self) -> bool:
        """Whether every number of the target's tensor met a prediction: none was left out, and none repeated."""
        return self.target is not None and math.prod(self.expected) == math.prod(self.target.shape)


def maker(graph: SignalGraph, index: int, through: tuple[str, ...] = MOVED) -> Node:
    """Node `index`, or what made its numbers when it only passes them on."""
    node = graph.nodes[index]
    while node.kind in through and node.inputs:
        node = graph.nodes[node.inputs[0]]
    return node


def is_given(node: Node) -> bool:
    """Whether a node is a tensor of the batch rather than something computed."""
    return node.op in ("input", "target")


def facts_of(evidence: Evidence, node: Node) -> TensorFacts | None:
    """The facts of the batch tensor a node stands for; None for any other node."""
    if not is_given(node):
        return None
    return next((f for f in (*evidence.targets, *evidence.inputs) if f.name == node.where), None)


def loss_ancestry(evidence: Evidence) -> set[int]:
    """The node of the loss and all it depends on; empty without one."""
    last = evidence.graph.loss
    return set() if last is None or evidence.conditions.cotangent else evidence.graph.ancestors(last) | {last}


def pairings(evidence: Evidence) -> Iterator[Pairing]:
    """Every meeting of prediction and target on which the loss depends, in execution order."""
    if evidence.conditions.cotangent:
        return
    ancestry = loss_ancestry(evidence)
    for node in evidence.graph.nodes:
        if node.index not in ancestry:
            continue
        if node.kind == "loss":
            yield from _of_loss(evidence, node)
        elif node.op in HANDMADE and node.kind == "join" and len(node.inputs) == 2:
            yield from _of_difference(evidence, node)


def _of_loss(evidence: Evidence, node: Node) -> Iterator[Pairing]:
    predicted, expected = tuple(node.options.get("prediction_shape", ())), tuple(node.options.get("target_shape", ()))
    sides = list(node.inputs[:2])
    if not sides:
        return
    given = [is_given(maker(evidence.graph, i, REARRANGED)) for i in sides]
    if given == [True, False]:  # called as loss(target, prediction)
        sides, predicted, expected = sides[::-1], expected, predicted
    elif all(given):
        return
    target = facts_of(evidence, maker(evidence.graph, sides[1], REARRANGED)) if len(sides) > 1 else None
    untouched = target is not None and is_given(maker(evidence.graph, sides[1]))
    yield Pairing(node, node.op, maker(evidence.graph, sides[0]), target, predicted, expected, untouched)


def _of_difference(evidence: Evidence, node: Node) -> Iterator[Pairing]:
    sides = list(node.inputs)
    roots = [maker(evidence.graph, i, REARRANGED) for i in sides]
    if roots[0].op == "target":
        sides, roots = sides[::-1], roots[::-1]
    if roots[1].op != "target" or is_given(roots[0]):
        return
    shapes = [evidence.graph.nodes[i].outputs[0].shape for i in sides if evidence.graph.nodes[i].outputs]
    if len(shapes) == 2:
        untouched = is_given(maker(evidence.graph, sides[1]))
        yield Pairing(node, HANDMADE[node.op], maker(evidence.graph, sides[0]), facts_of(evidence, roots[1]), shapes[0], shapes[1], untouched)


def output_range(head: Node) -> tuple[float, float] | None:
    """The closed interval in which all that a node makes lies; None when it is unbounded or not known."""
    if head.op in ("hardtanh", "clamp"):
        return float(head.options.get("min_val", -math.inf)), float(head.options.get("max_val", math.inf))
    base = head.op.removesuffix("_cell")
    if base in STATES:
        return None if is_projected(head) else STATES[base]
    return RANGES.get(head.op)


def call_of(where: str) -> str:
    """How code refers to a module path: `model.head`, `model.layers[2]` for a number, `model` for the whole."""
    parts = [f"[{part}]" if part.isdigit() else f".{part}" for part in where.split(".") if part]
    return "model" + "".join(parts)
