"""Vectors that the model itself makes of unit length, and what it makes of them before a norm undoes it."""

from math import prod

from steadygrad.graph.signal_graph import MOVED, Node, SignalGraph

LENGTHS = ("norm", "vector_norm", "linalg_vector_norm", "linalg_norm")
SCALAR = ("clamp", "clamp_min", "add", "pow", "__pow__", "sqrt", "rsqrt", "reciprocal")  # between a length and what is divided by it
WEIGHTLESS = (*MOVED, "pointwise", "pool", "join", "contract")


def of_unit_length(graph: SignalGraph) -> set[int]:
    """Nodes whose size unit vectors decide, not weights.

    Entries of a vector of unit length are 1/√width whatever the weights are, also times one number a vector, such as the gate that says how much
    of a key is written. What is made of such vectors without a weight is as much smaller than what it is made of beside them: what the delta rule
    of linear attention reads from its state, with a query of unit length divided by √width once more, is 1/width of the values. Where a norm
    alone reads it, that is undone (Yang et al. 2024, arXiv:2406.06484): values as much larger would be the signals that are far apart.
    """
    units = {node.index for node in graph.nodes if unit_length(graph, node)}
    if not units:
        return units
    return _one_number_a_vector(graph, units) | (_made_without_weights(graph, units) & _undone(graph))


def unit_length(graph: SignalGraph, node: Node) -> bool:
    """x/|x|, called as one op or written out."""
    if node.op == "normalize":
        return True
    if node.op not in ("div", "mul") or node.kind != "join" or len(node.inputs) != 2:
        return False
    divisor = graph.nodes[node.inputs[1]]
    while divisor.kind in ("view", "cast") or divisor.op in SCALAR:
        if not divisor.inputs:
            return False
        divisor = graph.nodes[divisor.inputs[0]]
    if divisor.op in LENGTHS:
        return True
    squared = graph.nodes[divisor.inputs[0]] if divisor.op == "sum" and divisor.inputs else divisor
    return squared is not divisor and squared.op in ("square", "pow", "__pow__", "mul")


def _one_number_a_vector(graph: SignalGraph, units: set[int]) -> set[int]:
    found = set(units)
    for node in graph.nodes:
        handed_on = node.kind in (*MOVED, "pointwise") and node.inputs and node.inputs[0] in found
        if handed_on or any(i in found and _broadcast(graph, node, 1 - k) for k, i in enumerate(node.inputs)):
            found.add(node.index)
    return found


def _broadcast(graph: SignalGraph, node: Node, operand: int) -> bool:
    """Whether it is a product with this operand, which has fewer entries than the other."""
    if node.kind != "join" or node.op != "mul" or len(node.inputs) != 2:
        return False
    entries = [sum(prod(spec.shape) for spec in graph.nodes[i].outputs[:1]) for i in node.inputs]
    return entries[operand] < entries[1 - operand]


def _made_without_weights(graph: SignalGraph, units: set[int]) -> set[int]:
    found = set(units)
    for node in graph.nodes:
        if node.kind in WEIGHTLESS and not node.uses and not found.isdisjoint(node.inputs):
            found.add(node.index)
    return found


def _undone(graph: SignalGraph) -> set[int]:
    """Nodes that norms alone read, behind ops without weights; the statistics of norms that are written out lead nowhere, and are no readers."""
    found: set[int] = set()
    ends = {*graph.outputs, *(() if graph.loss is None else (graph.loss,))}
    leading = ends.union(*(graph.ancestors(end) for end in ends))
    for node in reversed(graph.nodes):
        readers = [graph.nodes[i] for i in graph.consumers()[node.index] if i in leading]
        if node.kind in WEIGHTLESS and node.index in leading - ends and all(reader.kind == "norm" or reader.index in found for reader in readers):
            found.add(node.index)
    return found
