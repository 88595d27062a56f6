"""What stands before and after a weight in the graph."""

from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.theory import activations
from steadygrad.theory.activation import Activation

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
    return factor


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
