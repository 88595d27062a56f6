"""What theory asks of a weight, given what stands before and after it in the graph."""

import math
from functools import lru_cache

from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.probes.evidence import Evidence
from steadygrad.theory import activations, gaussian
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


def forward_gain(node: Node | None) -> float:
    """1/√E[φ(z)²] of an activation node, z ~ N(0, 1); 1 without one or for a function theory does not know."""
    phi = activation_of(node)
    return 1.0 if phi is None else gaussian.forward_gain(phi)


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


@lru_cache(maxsize=256)
def _gains(op: str, options: tuple[tuple[str, object], ...]) -> tuple[float, float]:
    try:
        phi = activations.get(op, **dict(options))
        gains = [gaussian.forward_gain(phi), gaussian.backward_gain(phi)]
    except (LookupError, TypeError, ValueError):
        return 1.0, 1.0
    if not phi.homogeneous:
        gains.append(1.0)
        slope = abs(float(phi.derivative(0.0)))
        if slope > 0.0:
            gains.append(1.0 / slope)
    finite = [g for g in gains if math.isfinite(g) and g > 0.0]
    return (min(finite), max(finite)) if finite else (1.0, 1.0)


def gain_range(node: Node | None) -> tuple[float, float]:
    """The gains that count as right after activation `node`: forward, backward, critical at the origin, and Xavier's 1.

    Rectifiers, being homogeneous, have one: √(1/E[φ²]). After no activation it is 1.
    """
    return (1.0, 1.0) if node is None else _gains(node.op, tuple(sorted(numbers(node).items())))


def expected_weight_std(evidence: Evidence, node: Node, use: ParameterUse) -> float | None:
    """gain/√fan_in for this use, with the forward gain of the activation that *precedes* the weight; None without fans."""
    if use.fans is None or use.role == "table" or use.fans.fan_in <= 0:
        return None
    return forward_gain(preceding_activation(evidence.graph, node.index)) / use.fans.fan_in**0.5
