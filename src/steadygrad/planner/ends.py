"""Where gradients enter: the outputs that the loss reads."""

from collections.abc import Iterable
from math import prod

from steadygrad.graph.signal_graph import SignalGraph
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
    found = {i: evidence.gradients[i].moments.q for i in end if i in evidence.gradients}
    if evidence.conditions.cotangent:
        found = {i: 1.0 / max(prod(graph.nodes[i].outputs[0].shape), 1) for i in graph.outputs if i in evidence.gradients and graph.nodes[i].outputs}
    scale = mean(found[i] for i in end if i in found)
    return {i: g / scale for i, g in found.items() if g > 0.0} if scale > 0.0 else {}


def mean(values: Iterable[float]) -> float:
    """Of the values; 0 of none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
