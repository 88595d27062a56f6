"""Logarithms on which the loss depends, and what they are taken of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from steadygrad.graph.signal_graph import MOVED, Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.pairing import is_given, loss_ancestry, maker

LOGARITHMS = {"log", "log2", "log10", "xlogy"}
LARGEST = {"max", "amax", "cummax", "logsumexp"}
LENGTHS = {"normalize", "cosine_similarity", "norm", "vector_norm", "linalg_norm", "linalg_vector_norm"}


@dataclass(frozen=True)
class Logarithm:
    """One logarithm.

    Attributes:
        node: the op.
        head: what made the numbers it is taken of, seen through views, casts, `1 − p`, `p + eps`, clamps and p/Σp.
        in_loss: it was taken inside the loss function.
        clamped: a clamp, or something added, keeps it from zero.
        normalized: the numbers were divided by a sum of themselves.
        moved: a class was picked (gather) or a target multiplies the result, so that it is a loss of a prediction.
    """

    node: Node
    head: Node
    in_loss: bool
    clamped: bool
    normalized: bool
    moved: bool


def logarithms(evidence: Evidence) -> Iterator[Logarithm]:
    """Every logarithm on which the loss depends, in execution order."""
    graph, ancestry = evidence.graph, loss_ancestry(evidence)
    readers = graph.consumers()
    for node in graph.nodes:
        if node.op not in LOGARITHMS or node.index not in ancestry or not node.inputs:
            continue
        current, clamped, normalized, picked = graph.nodes[node.inputs[-1]], False, False, False
        while current.inputs:
            if current.kind in MOVED:
                picked = picked or any(is_given(_root(evidence, i)) for i in current.inputs[1:])
            elif current.op in ("clamp", "clamp_min", "clamp_max", "maximum", "minimum", "nan_to_num") and current.kind == "pointwise":
                clamped = True
            elif current.op == "relu" and current.where == "loss":  # clamp(min=0) is recorded as what it computes
                pass
            elif current.kind == "pointwise" and current.op in ("add", "sub", "rsub"):
                number = float(current.options.get("number", 0.0))
                clamped = clamped or (current.op == "add" and 0.0 < number < 1.0)
            elif current.op == "div" and current.kind == "join" and _is_sum_of(evidence, current):
                normalized = True
            else:
                break
            current = graph.nodes[current.inputs[0]]
        moved = picked or _meets_target(evidence, node, readers)
        yield Logarithm(node, current, node.where == "loss", clamped, normalized, moved)


def _root(evidence: Evidence, index: int) -> Node:
    node = evidence.graph.nodes[index]
    while node.inputs and node.kind in (*MOVED, "pointwise"):
        node = evidence.graph.nodes[node.inputs[0]]
    return node


def _is_sum_of(evidence: Evidence, division: Node) -> bool:
    """Whether a / b is a / Σa, also where a was computed a second time for the sum."""
    above, below = _root(evidence, division.inputs[0]), evidence.graph.nodes[division.inputs[-1]]
    while below.inputs and below.kind in (*MOVED, "pointwise"):
        below = evidence.graph.nodes[below.inputs[0]]
    return below.op == "sum" and any(_same(evidence, above, _root(evidence, i)) for i in below.inputs)


def _same(evidence: Evidence, one: Node, other: Node) -> bool:
    """Whether two nodes are one, or the same activation of one node."""
    if one.index == other.index:
        return True
    same_op = one.kind == other.kind == "activation" and one.op == other.op and one.options == other.options
    return same_op and len(one.inputs) == len(other.inputs) == 1 and maker(evidence.graph, one.inputs[0]) == maker(evidence.graph, other.inputs[0])


def exponential_of(evidence: Evidence, logarithm: Logarithm) -> Node | None:
    """The exp under log(exp(z)/Σexp(z)) of a class that a target picks, or under log Σexp(z); None for other logarithms."""
    head = logarithm.head
    if head.op == "sum" and head.inputs and not logarithm.clamped:
        below = maker(evidence.graph, head.inputs[0])
        return below if below.op == "exp" else None
    return head if head.op == "exp" and logarithm.normalized and logarithm.moved and head.inputs else None


def less_its_largest(evidence: Evidence, exponential: Node) -> bool:
    """Whether an exp is taken of z − max z, which cannot overflow."""
    below = maker(evidence.graph, exponential.inputs[0])
    return below.op == "sub" and len(below.inputs) == 2 and maker(evidence.graph, below.inputs[1], (*MOVED, "pointwise")).op in LARGEST


def of_directions(evidence: Evidence, node: Node) -> bool:
    """Whether a node is made of vectors of length one, as similarities are, so that theory bounds it."""
    return any(evidence.graph.nodes[i].op in LENGTHS for i in evidence.graph.ancestors(node.index))


def _meets_target(evidence: Evidence, node: Node, readers: Mapping[int, tuple[int, ...]]) -> bool:
    """Whether the logarithm, moved or negated, is multiplied with a target."""
    stack, seen = [node.index], set()
    while stack:
        for reader in readers[stack.pop()]:
            found = evidence.graph.nodes[reader]
            if reader in seen:
                continue
            seen.add(reader)
            if found.op == "mul" and found.kind == "join":
                return any(is_given(_root(evidence, i)) for i in found.inputs)
            if found.kind in (*MOVED, "pointwise"):
                if any(is_given(_root(evidence, i)) for i in found.inputs[1:]):
                    return True
                stack.append(reader)
    return False
