"""Tables that are also the output layer: one answer to two questions."""

from math import sqrt

from steadygrad.graph.neighbours import constant_factor
from steadygrad.graph.signal_graph import MOVED, Node, SignalGraph
from steadygrad.planner.standing import scales_norm


def caps(graph: SignalGraph, head: Node, name: str, wanted: float, chosen: set[str]) -> dict[str, float]:
    """Limits on E[w²] under which a table that `head` reads again gives outputs of unit size.

    A table of rows of rms r that reads signals of rms s gives outputs of rms r·s·√width. Rows of 1/√width, with s = 1, enter far below
    every other signal and are drowned by the positions that are added to them. Where a norm's scale stands right before the head, the two
    meet halfway: r = s = width^(−1/4). Tables whose rows are added to these get their size.

    Args:
        graph: the model's.
        head: the op that reads the table as output layer.
        name: of the table.
        wanted: E[w²] at which outputs are of unit size as the head's input is now.
        chosen: names whose scale is to be chosen.
    """
    scale = _scale_before(graph, head)
    lookups = [node for node, use in graph.uses_of(name) if use.role == "table"]
    scaled_up = any(constant_factor(graph, node.index) > 1.0 for node in lookups)  # T5 and Gemma multiply their rows by √width themselves
    if scale is None or scale not in chosen or not lookups or scaled_up:
        return {name: wanted}
    half = sqrt(wanted)
    return {name: half, scale: half, **{other: half for node in lookups for other in _added(graph, node) if other in chosen}}


def _scale_before(graph: SignalGraph, head: Node) -> str | None:
    """The norm's scale that sets the size of what the head reads, where nothing else reads that."""
    before = graph.upstream(head.index, MOVED)
    if before is None:
        return None
    use = next((u for u in before.uses if scales_norm(graph, before, u)), None)
    readers, index = graph.consumers(), before.index
    while use is not None and len(readers[index]) == 1:
        index = readers[index][0]
        if index == head.index:
            return use.parameters[0]
        if graph.nodes[index].kind not in MOVED:
            return None
    return None


def _added(graph: SignalGraph, lookup: Node) -> set[str]:
    """Tables whose rows are added to those of this one."""
    found: set[str] = set()
    stack = [lookup.index]
    while stack:
        index = stack.pop()
        for reader in graph.consumers()[index]:
            node = graph.nodes[reader]
            if node.kind == "join" and node.op == "add":
                for source in node.inputs:
                    made = graph.nodes[source]
                    made = (graph.upstream(made.index) or made) if made.kind in MOVED else made
                    found.update(use.parameters[0] for use in made.uses if use.role == "table")
                stack.append(reader)
            elif node.kind in MOVED:
                stack.append(reader)
    return found
