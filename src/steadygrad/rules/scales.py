"""What theory asks of a weight, given what stands before and after it in the graph."""

from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.probes.evidence import Evidence
from steadygrad.theory import activations, gaussian

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


def forward_gain(node: Node | None) -> float:
    """1/√E[φ(z)²] of an activation node, z ~ N(0, 1); 1 without one or for a function theory does not know."""
    if node is None:
        return 1.0
    try:
        return gaussian.forward_gain(activations.get(node.op, **numbers(node)))
    except (LookupError, TypeError, ValueError):
        return 1.0


def numbers(node: Node) -> dict[str, object]:
    """The options of an activation node that its function takes."""
    return {k: v for k, v in node.options.items() if k not in ("gated", "dim", "inplace")}


def expected_weight_std(evidence: Evidence, node: Node, use: ParameterUse) -> float | None:
    """gain/√fan_in for this use, with the gain of the activation that *precedes* the weight; None without fans."""
    if use.fans is None or use.role == "table" or use.fans.fan_in <= 0:
        return None
    before = evidence.graph.upstream(node.index)
    while before is not None and before.kind in ("pool", "pointwise", "scale", "shift"):
        before = evidence.graph.upstream(before.index)
    gain = forward_gain(before if before is not None and before.kind == "activation" else None)
    return gain / use.fans.fan_in**0.5
