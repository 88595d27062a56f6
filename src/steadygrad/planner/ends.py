"""Where gradients enter: the outputs that the loss reads."""

from collections.abc import Iterable
from math import prod

from steadygrad.graph.signal_graph import MOVED, SignalGraph
from steadygrad.probes.evidence import Evidence


def leaves(graph: SignalGraph) -> list[int]:
    """Output nodes that no weight reads again: logits, not hidden states; all outputs where there is none. The loss itself is left out."""
    outputs = [i for i in graph.outputs if graph.nodes[i].kind != "loss" and graph.nodes[i].where != "loss"]
    return [i for i in outputs if i not in graph.feeds_weights] or outputs


def ends(evidence: Evidence) -> dict[int, float]:
    """Node → second moment of the gradient that the loss hands it, as measured, relative to the mean over `leaves`.

    A stand-in for a loss hands something to every output, of size 1/(B·entries); what outputs on the way get from those behind them is not
    counted twice.
    """
    graph, end = evidence.graph, leaves(evidence.graph)
    found = {i: g for i in end if (g := _handed(evidence, i)) is not None}
    if evidence.conditions.cotangent:
        found = {i: 1.0 / max(_entries(graph, i), 1) for i in graph.outputs if _handed(evidence, i) is not None and graph.nodes[i].outputs}
    scale = mean(found[i] for i in end if i in found)
    return {i: g / scale for i, g in found.items() if g > 0.0} if scale > 0.0 else {}


def at_leaves(evidence: Evidence) -> float:
    """Mean over `leaves` of the second moment of their gradients, as measured; what those of other nodes are relative to. 1 where there is none."""
    return mean(g for i in leaves(evidence.graph) if (g := _handed(evidence, i)) is not None) or 1.0


def mean(values: Iterable[float]) -> float:
    """Of the values; 0 of none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def _handed(evidence: Evidence, index: int) -> float | None:
    """The second moment of a node's gradient; of a view, which is not measured, that of what it views, gathered on the entries that it has."""
    if index in evidence.gradients:
        return evidence.gradients[index].moments.q
    made = evidence.graph.upstream(index, MOVED)
    if evidence.graph.nodes[index].kind not in MOVED or made is None or made.index not in evidence.gradients:
        return None
    return evidence.gradients[made.index].moments.q * _entries(evidence.graph, made.index) / max(_entries(evidence.graph, index), 1)


def _entries(graph: SignalGraph, index: int) -> int:
    return prod(graph.nodes[index].outputs[0].shape) if graph.nodes[index].outputs else 0
