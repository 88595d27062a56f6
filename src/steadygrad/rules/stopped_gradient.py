"""Where, going back from the loss, a gradient turns into exact zeros."""

from steadygrad.probes.evidence import Evidence
from steadygrad.probes.meter import UNMEASURED
from steadygrad.rules.once import once

CUTS = ("detach", "data")


@once
def stopped(evidence: Evidence) -> dict[str, frozenset[int]]:
    """Parameters whose gradient is exactly zero → the ops that got a gradient and passed none of it on; in order of first use.

    Only parameters whose own op gets zeros already: where that op still gets a gradient, it is the op's input or the
    parameter's other factor that is zero, as of a zero-initialized branch or a row that was not looked up.
    """
    ways = _ways(evidence)
    found: dict[str, frozenset[int]] = {}
    for name in dict.fromkeys(name for node in evidence.graph.nodes for use in node.uses for name in use.parameters):
        reading = evidence.parameters.get(name)
        if reading is None or reading.gradient is None or reading.gradient.moments.absmax > 0.0 or reading.gradient.moments.nonfinite:
            continue
        uses = [node.index for node, _ in evidence.graph.uses_of(name)]
        stops = frozenset().union(*(ways.get(i, frozenset()) for i in uses))
        if stops and not any(_arrives(evidence, i) for i in uses):
            found[name] = stops
    return found


def only_behind_moves(evidence: Evidence, places: frozenset[int]) -> bool:
    """Whether all that gets a gradient lies between these ops and the loss, so that they are given the same after a step."""
    behind = set(places)
    for node in evidence.graph.nodes:
        if behind.intersection(node.inputs):
            behind.add(node.index)
    moving = (n for n, r in evidence.parameters.items() if r.gradient is not None and r.gradient.moments.absmax > 0.0)
    return all(node.index in behind for name in moving for node, _ in evidence.graph.uses_of(name))


def _ways(evidence: Evidence) -> dict[int, frozenset[int]]:
    """Node index without a gradient → the first ops after it, on every way to the loss, that got one."""
    graph, found = evidence.graph, dict[int, frozenset[int]]()
    readers = graph.consumers()
    for node in reversed(graph.nodes):
        if _arrives(evidence, node.index) or node.op in CUTS or not (node.index in evidence.gradients or node.kind in UNMEASURED):
            continue  # a measured op that autograd asked nothing brings nothing back
        after = (frozenset((r,)) if _arrives(evidence, r) else found.get(r, frozenset()) for r in readers[node.index])
        found[node.index] = frozenset().union(*after)
    return found


def _arrives(evidence: Evidence, index: int) -> bool:
    reading = evidence.gradients.get(index)
    return reading is not None and (reading.moments.absmax > 0.0 or reading.moments.nonfinite > 0)
