"""Softplus that a model writes out: `torch.where(x > 20, x, torch.log(1 + torch.exp(x)))` is one op to everything that follows."""

from collections.abc import Sequence
from dataclasses import replace

from steadygrad.graph.signal_graph import Node
from steadygrad.graph.written_norms import plain


def with_written_softplus(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes, with log(1 + exp x), log1p(exp x), and what chooses between either and x itself, as the softplus of x.

    Followed op by op it would be lost: 1 + exp x hardly differs from its mean where x is far below 0, and how much of the logarithm a change of x
    makes is not known from moments. The softplus reads x alone; the ops in between stay, read by nothing.
    """
    found = list(nodes)
    for node in nodes:
        source = _exponent(found, node) if node.op in ("log", "log1p") else _chosen(found, node) if node.op == "where" else None
        if source is not None and len(node.outputs) == 1:
            found[node.index] = replace(node, op="softplus", kind="activation", inputs=(source,), options={"beta": 1.0, "threshold": 20.0})
    return tuple(found)


def _exponent(nodes: Sequence[Node], node: Node) -> int | None:
    """x of log(1 + exp x)."""
    if len(node.inputs) != 1:
        return None
    made = nodes[plain(nodes, node.inputs[0])]
    if node.op == "log":
        if made.op != "add" or made.options.get("number") != 1.0 or len(made.inputs) != 1:
            return None
        made = nodes[plain(nodes, made.inputs[0])]
    return made.inputs[0] if made.op == "exp" and len(made.inputs) == 1 else None


def _chosen(nodes: Sequence[Node], node: Node) -> int | None:
    """x where it is x or its softplus, whichever a comparison of x says."""
    softened = {made.index for i in node.inputs if (made := nodes[plain(nodes, i)]).op == "softplus" and made.options.get("beta") == 1.0}
    if len(softened) != 1:
        return None
    source = nodes[softened.pop()].inputs[0]
    others = {made.index for i in node.inputs if (made := nodes[plain(nodes, i)]).op != "softplus"}
    return source if others == {plain(nodes, source)} else None
