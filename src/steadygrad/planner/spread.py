"""How far apart signals lie, and gradients of weights: largest over smallest root mean square."""

import math

from steadygrad.graph.neighbours import JOINED, constant_factor, factor_into_stream
from steadygrad.graph.signal_graph import MOVED, Node, ParameterUse, SignalGraph
from steadygrad.planner.blocks import branches
from steadygrad.planner.rounding import rounding
from steadygrad.planner.unit_length import of_unit_length
from steadygrad.probes.evidence import Evidence

MASKED = 1e30  # second moments from here on are those of masks: the lowest number of a dtype, written where attention must not look
KINDS = ("affine", "norm", "activation", "join")


def spreads(evidence: Evidence) -> tuple[float, float]:
    """Of activations and of weight gradients."""
    return activation_spread(evidence), gradient_spread(evidence)


def activation_spread(evidence: Evidence) -> float:
    """Largest over smallest rms of what affine ops, norms, activations and sums make, zeros left out, exact ones and those up to rounding."""
    nothing = rounding(evidence)
    heard = {i: factor for i, factor in signals(evidence.graph).items() if i in evidence.signals and i not in nothing}
    return _spread([evidence.signals[i].moments.q * factor for i, factor in heard.items()])


def signals(graph: SignalGraph) -> dict[int, float]:
    """Affine ops, norms, activations and sums of what parameters made, whose result is mixed again, with the factor on E[x²] at which they count.

    Rows of a table count as the model multiplies them, by √width in T5 and Gemma, and so does what a weight adds to a stream: by √width at the
    start of Conformers, by 1/2 in their branches. W and the number are one: nothing else sees Wx alone. Vectors that the model itself makes of
    unit length do not count, and nor do attention weights and terms of a contraction or of a recurrence that is written out: see
    `of_unit_length`, `attention_weights`, `terms`, `decays`.
    """
    made, fixed = of_parameters(graph), attention_weights(graph) | of_unit_length(graph)
    found = [n for n in graph.nodes if n.kind in KINDS and n.index in made and n.where != "loss" and n.index in graph.feeds_weights]
    found = [n for n in found if n.index not in fixed and not (terms(graph, n) or decays(graph, n))]
    return {n.index: _multiplied(graph, n) ** 2 for n in found}


def _multiplied(graph: SignalGraph, node: Node) -> float:
    if node.kind != "affine":
        return 1.0
    return (constant_factor if any(use.role == "table" for use in node.uses) else factor_into_stream)(graph, node.index)


def of_parameters(graph: SignalGraph) -> set[int]:
    """Nodes that depend on a parameter: counts of masks and positions, made of inputs alone, are as large as they are."""
    found: set[int] = set()
    for node in graph.nodes:
        if node.uses or not found.isdisjoint(node.inputs):
            found.add(node.index)
    return found


def attention_weights(graph: SignalGraph) -> set[int]:
    """What a softmax makes and what is made of such alone: mixtures of attention weights and what normalizes them again; 1/n whatever the weights are."""
    found: set[int] = set()
    for node in graph.nodes:
        kept = node.kind in (*MOVED, "pointwise", "scale", "pool") or (node.kind == "join" and node.op in ("add", "sub", "mul", "div", *JOINED))
        if node.op in ("softmax", "special_softmax") or (kept and node.inputs and found.issuperset(node.inputs)):
            found.add(node.index)
    return found


def terms(graph: SignalGraph, node: Node) -> bool:
    """Products of two signals that nothing but a sum reads, and squares that a sum or a mean does: contractions that are written out.

    One by a matrix product never shows them, a norm as one op no squares.
    """
    readers, reductions = _readers(graph, node), ("sum", "mean") if node.op == "square" else ("sum",)
    product = node.op == "square" or (node.kind == "join" and node.op == "mul")
    return product and bool(readers) and all(reader.op in reductions for reader in readers)


def decays(graph: SignalGraph, node: Node) -> bool:
    """Exponents of forgetting and what is multiplied by their exponentials, in a recurrence that is written out.

    Differences of cumulative log decays grow with the distance between two positions, and their exponentials fall without bound; a fused
    kernel of the same recurrence shows neither.
    """
    readers = _readers(graph, node)
    if node.op == "exp":
        return bool(readers) and all(reader.op == "mul" for reader in readers)
    if node.kind != "join":
        return False
    if readers and all(reader.op == "exp" for reader in readers):
        return True
    return node.op == "mul" and any(source is not None and source.op == "exp" for source in _made(graph, node))


def gradient_spread(evidence: Evidence) -> float:
    """Largest over smallest rms gradient per entry over weight matrices, those on branches that start silent left out."""
    wanted = matrices(evidence)
    return _spread([r.gradient.moments.q for name, r in evidence.parameters.items() if name in wanted and r.gradient is not None])


def matrices(evidence: Evidence) -> set[str]:
    """Names of weight matrices off branches that start silent."""
    silent = _silent(evidence)
    return {
        use.parameters[0] for node in evidence.graph.nodes for use in node.uses
        if use.role in ("weight", "recurrent") and node.index not in silent and sum(size > 1 for size in use.shape) > 1
    }  # fmt: skip


def _made(graph: SignalGraph, node: Node) -> list[Node | None]:
    """What made each operand, behind views and casts."""
    return [graph.nodes[i] if graph.nodes[i].kind not in MOVED else graph.upstream(i, MOVED) for i in node.inputs]


def _readers(graph: SignalGraph, node: Node) -> list[Node]:
    """What reads the result, behind views, casts and masks."""
    found, pending = [], [node.index]
    while pending:
        for reader in (graph.nodes[i] for i in graph.consumers()[pending.pop()]):
            if reader.kind in MOVED or reader.op == "masked_fill":
                pending.append(reader.index)
            else:
                found.append(reader)
    return found


def _silent(evidence: Evidence) -> set[int]:
    """Ops on residual branches whose last scale is so small that the branch adds less than a thousandth of what it could."""
    found: set[int] = set()
    if not any(_shut(evidence, use) for node in evidence.graph.nodes for use in node.uses):
        return found  # and branches of thousands of ops need not be looked for
    for branch in branches(evidence.graph).values():
        if branch.handle is not None and _shut(evidence, branch.handle[1]):
            found |= _with_biases(evidence.graph, branch.inner)
    return found


def _shut(evidence: Evidence, use: ParameterUse) -> bool:
    """Whether it is a weight or a scale that lets next to nothing through."""
    reading = evidence.parameters.get(use.parameters[0]) if use.role in ("weight", "scale") else None
    return reading is not None and reading.value.moments.q <= (1e-6 if use.role == "scale" else 0.0)


def _with_biases(graph: SignalGraph, inner: frozenset[int]) -> set[int]:
    """A branch's ops, with those that since its start have made the biases of its attention."""
    found, stack, start = set(inner), [graph.nodes[i].bias for i in inner], min(inner, default=0)
    while stack:
        index = stack.pop()
        if index is not None and index > start and index not in found:
            found.add(index)
            stack.extend(graph.nodes[index].inputs)
    return found


def _spread(squares: list[float]) -> float:
    positive = [q for q in squares if 0.0 < q < MASKED]
    return math.sqrt(max(positive) / min(positive)) if positive else 1.0
