"""What stands before and after a weight in the graph."""

from math import prod

from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.theory import activations
from steadygrad.theory.activation import Activation

JOINED = ("cat", "concat", "concatenate")
LINEAR = {"view", "cast", "dropout", "pool", "scale", "shift", "pointwise"}


def next_activation(graph: SignalGraph, index: int) -> Node | None:
    """The activation that reads what node `index` makes, looking through ops that keep it affine; None without one."""
    readers = graph.consumers()
    stack, seen = [index], set()
    while stack:
        current = stack.pop()
        for reader in readers[current]:
            node = graph.nodes[reader]
            if node.kind == "activation":
                return node
            if node.kind in LINEAR and reader not in seen:
                seen.add(reader)
                stack.append(reader)
    return None


def constant_factor(graph: SignalGraph, index: int) -> float:
    """|product| of the plain numbers that multiply what node `index` makes before an activation, a weight or another signal reads it.

    SIREN's 30 in sin(30·Wx) is a part of the weight's scale; attention's 1/√d of the query's.
    """
    return _multiplied(graph, index)[0]


def factor_into_stream(graph: SignalGraph, index: int) -> float:
    """As `constant_factor` where nothing but sums and norms read the product: only it is ever seen beside other signals; 1 elsewhere."""
    factor, last = _multiplied(graph, index)
    readers = [graph.nodes[i] for i in graph.consumers()[last]]
    return factor if readers and all(n.kind == "norm" or (n.kind == "join" and n.op in ("add", "sub")) for n in readers) else 1.0


def _multiplied(graph: SignalGraph, index: int) -> tuple[float, int]:
    """|product| of the plain numbers behind node `index`, and the last node of which it is one."""
    readers, factor = graph.consumers(), 1.0
    while len(readers[index]) == 1:
        node = graph.nodes[readers[index][0]]
        number = node.options.get("number")
        if node.kind == "pointwise" and isinstance(number, float) and number and not node.function.rpartition(".")[2].startswith("__r"):
            factor *= abs(number) if node.op == "mul" else 1.0 / abs(number) if node.op == "div" else 1.0
        elif node.kind == "pointwise" and node.op == "mul" and isinstance(number, float) and number:
            factor *= abs(number)  # 30 * x
        elif node.kind not in ("view", "cast", "dropout", "shift"):
            break
        index = node.index
    return factor, index


def numbers(node: Node) -> dict[str, object]:
    """The options of an activation node that its function takes."""
    return {k: v for k, v in node.options.items() if k not in ("gated", "dim", "inplace")}


def preceding_activation(graph: SignalGraph, index: int) -> Node | None:
    """The activation whose values node `index` contracts, looking through pools, views and elementwise arithmetic."""
    before = graph.upstream(index)
    while before is not None and before.kind in ("pool", "pointwise", "scale", "shift"):
        before = graph.upstream(before.index)
    return before if before is not None and before.kind == "activation" else None


def activation_of(node: Node | None) -> Activation | None:
    """Theory's activation for an activation node; None without a node or where theory knows no such function."""
    if node is None:
        return None
    try:
        return activations.get(node.op, **numbers(node))
    except (LookupError, TypeError, ValueError):
        return None


def over_positions(graph: SignalGraph, node: Node) -> bool | None:
    """Whether two signals are contracted over positions, as in (kᵀv) of linear attention, or a softmax is taken over them, and not over channels.

    None where sizes do not tell.

    The axis is told by its size: that of the positions of the weight's output behind an operand, or a divisor of its channels.
    """
    n = node.options.get("size" if node.kind == "softmax" else "contracted")
    for index in node.inputs if isinstance(n, int) else ():
        made: Node | None = graph.nodes[index]
        while made is not None and made.kind not in ("affine", "contract", "attention") and made.inputs:
            made = graph.nodes[made.inputs[0]]
        if made is None or made.kind != "affine" or made.unit_axis is None or not made.outputs:
            continue
        shape = made.outputs[0].shape
        places = prod(shape[1:]) // max(shape[made.unit_axis], 1)
        of_places, of_channels = n == places, shape[made.unit_axis] % n == 0
        if of_places != of_channels:
            return of_places
    return None


def taken_out(graph: SignalGraph, node: Node) -> int | None:
    """The operand of a concatenation that a slice takes out of it again, told by its shape: a class token that has a network of its own."""
    if node.op not in ("getitem", "narrow", "slice") or node.kind != "view" or len(node.inputs) != 1 or graph.nodes[node.inputs[0]].op not in JOINED:
        return None
    whole = graph.nodes[node.inputs[0]]
    alike = [i for i in whole.inputs if graph.nodes[i].outputs[:1] == node.outputs[:1]]
    return alike[0] if len(alike) == 1 and not any(use.shape == node.outputs[0].shape for use in whole.uses) else None
