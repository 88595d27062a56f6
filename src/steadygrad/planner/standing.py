"""Where a parameter stands: held in place by a norm, in a plain chain that nothing holds, or a norm's own scale."""

from steadygrad.graph.neighbours import JOINED, preceding_activation
from steadygrad.graph.ops.recurrent import at_least
from steadygrad.graph.signal_graph import MOVED, Node, ParameterUse, SignalGraph

GATES = ("sigmoid", "hardsigmoid")


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


def ends_branch(graph: SignalGraph, node: Node, use: ParameterUse) -> bool:
    """Whether it scales what a residual branch adds, right before it is added: LayerScale (Touvron et al. 2021, arXiv:2103.17239)."""
    if use.role != "scale" or use.derived or node.kind != "scale" or node.op != "mul":
        return False
    readers = graph.consumers()
    reader = node
    while len(readers[reader.index]) == 1:
        reader = graph.nodes[readers[reader.index][0]]
        if reader.kind not in MOVED:
            return reader.kind == "join" and reader.op == "add"
    return False


def one_per_channel(node: Node, use: ParameterUse) -> bool:
    """Whether it is a depthwise convolution with a kernel of one entry, which multiplies each channel by a number.

    Drawn from a density that is not 0 at 0, some of these numbers come out tiny; behind a norm their gradients are as much larger as they are
    smaller, E[1/w²] being infinite, and without one their channels are lost. RepVGG-like blocks have such convolutions beside larger ones.
    """
    alone = use.role == "weight" and use.fans is not None and use.fans.fan_in == 1.0
    return alone and node.options.get("groups", 1) == use.shape[0] > 1


def reads_state(graph: SignalGraph, node: Node) -> bool:
    """Whether it reads the state of a gated recurrence."""
    made = graph.upstream(node.index)
    return made is not None and at_least(made) > 0.0


def gate_behind(graph: SignalGraph, node: Node) -> Node | None:
    """The sigmoid that multiplies what this norm makes, or an activation of it: squeeze-and-excitation; None without one."""
    readers, pending = graph.consumers(), [node.index]
    while pending:
        current = pending.pop()
        for reader in (graph.nodes[i] for i in readers[current]):
            if reader.kind in MOVED or (reader.kind == "activation" and reader.op not in GATES) or reader.op in JOINED:
                pending.append(reader.index)
            elif reader.kind == "join" and reader.op == "mul" and len(reader.inputs) == 2:
                other = graph.nodes[next((i for i in reader.inputs if i != current), current)]
                made = other if other.kind not in MOVED else graph.upstream(other.index, MOVED)
                if made is not None and made.kind == "activation" and made.op in GATES:
                    return made
    return None
