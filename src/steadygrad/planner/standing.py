"""Where a parameter stands: held in place by a norm, in a plain chain that nothing holds, or a norm's own scale."""

from steadygrad.graph.neighbours import preceding_activation
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph


def behind_norm(graph: SignalGraph, node: Node) -> bool:
    """Whether a norm sets the size of what this activation reads."""
    for _ in range(4):
        made = graph.upstream(node.index)
        if made is None:
            return False
        if made.kind in ("norm", "attention"):
            return True
        if made.kind == "affine":
            read = graph.upstream(made.index)
            return read is not None and read.kind == "norm"
        if made.kind not in ("pointwise", "shift", "scale"):
            return False
        node = made
    return False


def held(graph: SignalGraph, node: Node) -> bool:
    """Whether a norm holds what this weight reads, or the weight itself feeds one."""
    before = preceding_activation(graph, node.index)
    if before is not None:
        return behind_norm(graph, before)
    read = graph.upstream(node.index)
    readers = graph.consumers()[node.index]
    return (read is not None and read.kind in ("norm", "attention")) or any(graph.nodes[i].kind in ("norm", "contract", "attention") for i in readers)


def longest_chain(graph: SignalGraph, op: str) -> int:
    """The largest number of weights in a row with nothing but this activation between."""
    depth: dict[int, int] = {}
    for node in graph.nodes:
        before = preceding_activation(graph, node.index) if node.kind == "affine" else None
        if before is not None and before.op == op and not behind_norm(graph, before):
            made = graph.upstream(before.index)
            depth[node.index] = 1 + (depth.get(made.index, 0) if made is not None else 0)
    return max(depth.values(), default=0)


def scales_norm(graph: SignalGraph, node: Node, use: ParameterUse) -> bool:
    """Whether it is the scale of a norm, in the same op or multiplied right behind it."""
    if use.role != "scale" or use.derived:
        return False
    before = graph.upstream(node.index)
    return node.kind == "norm" or (node.kind == "scale" and node.op == "mul" and before is not None and before.kind == "norm")
