"""Level the gradients of weights where a norm makes their scale free."""

import math
from collections.abc import Iterable

import numpy as np

from steadygrad.graph.flow import Walk
from steadygrad.graph.ops.flow import Array
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.planner.design import Design

SPREAD = 7.0  # of all signals, largest over smallest rms, up to which such weights may use the room that is left
LEAST = 1.05  # what is not worth a sentence
PLAUSIBLE = 1e3  # largest over smallest predicted gradient: beyond, the prediction is off, not the weights
SEEN = ("affine", "norm", "activation", "join")


def level_updates(design: Design, walk: Walk) -> Walk:
    """Scale every weight that only a norm reads so that the gradients of all weights come closer, within limits.

    After a norm, y = norm(c·W x) does not depend on c, and ∂L/∂W falls as 1/c: the scale decides nothing but how large the first
    updates are beside the weight. Per entry, with N places where the weight is applied and gradients that differ in sign from place to
    place, E[(∂L/∂w)²] ≈ N·q_in·g_out: a stem that sees 200 times as many places as the last stage gets 14 times its gradient. Such a
    weight is multiplied by the ratio of its gradient to the geometric mean over all weights, as far as its outputs stay among those of the
    rest of the network, or within a factor of 7 of them all.

    Source: van Laarhoven 2017, arXiv:1706.05350, eq. 4 (gradients of scale-invariant weights).
    """
    found = {name: float(size[0]) for name, size in sizes(design, walk).items()}
    free = [name for name in found if design.moments[name] > 0.0 and _free(design.graph, name)]
    if len(found) < 2 or not free or max(found.values()) > PLAUSIBLE**2 * min(found.values()):
        return walk
    mean = sum(map(math.log, found.values())) / len(found)
    smallest, largest = _room(design.graph, walk)
    for name in free:
        out = max(walk.signals[node.index].value for node, _ in design.graph.uses_of(name))
        factor = min(max(found[name] / math.exp(mean), smallest / out), largest / out)
        if max(factor, 1.0 / factor) > LEAST**2:
            design.moments[name] *= factor
            design.reasons[name] += f"; ×{math.sqrt(factor):.3g} to level first updates, free before a norm"
    return design.finish_as_is()


def _room(graph: SignalGraph, walk: Walk) -> tuple[float, float]:
    """Smallest and largest second moment of a signal that leave all signals within `SPREAD`."""
    found = [walk.signals[n.index].value for n in graph.nodes if n.kind in SEEN and n.index in walk.signals and n.index in graph.feeds_weights]
    positive = [q for q in found if q > 0.0 and math.isfinite(q)]
    low, high = min(positive), max(positive)
    wider = max(SPREAD**2 * low / high, 1.0) ** 0.5
    return low / wider, high * wider


def sizes(design: Design, walk: Walk, kept: Iterable[str] = ()) -> dict[str, Array]:
    """Weight matrix → E[(∂L/∂w)²] per entry and hypothesis, up to a factor that all share; those without a gradient are left out.

    Of weights that are designed, and of `kept` ones, whose scale is not ours to choose but whose gradient depends on the others'.
    """
    found = {name: _gradient(design, walk, name) * design.pulls.get(name, 1.0) for name in dict.fromkeys((*design.moments, *kept))}
    return {name: size for name, size in found.items() if np.isfinite(size).all() and (size > 0.0).all()}


def _gradient(design: Design, walk: Walk, name: str) -> Array:
    total = np.zeros(1)
    for node, use in design.graph.uses_of(name):
        read = _read(walk, node, use)
        if use.role not in ("weight", "recurrent") or len(use.parameters) > 1 or read is None or node.index not in walk.gradients:
            return np.zeros(1)
        share = use.growth * math.prod(use.shape) / max(design.graph.parameters[name].numel, 1) if use.derived else 1.0  # of queries, keys, values in one
        total = total + share * _places(node, use) * read * walk.gradients[node.index].g
    return total


def _read(walk: Walk, node: Node, use: ParameterUse) -> Array | None:
    """Second moment of what the weight contracts: a signal, the state, learned queries, or a constant, which is taken for ones until it was seen."""
    if use.role == "recurrent":
        return walk.signals[node.index].q
    at = walk.passage(node)
    learned = at.of_role("other")
    return at.incoming[0].q if at.incoming else at.moment(learned[0]) if learned else np.ones(1)


def _places(node: Node, use: ParameterUse) -> float:
    """At how many samples and positions each entry of the weight is applied."""
    units = use.shape[use.unit_axis] if use.unit_axis is not None else 1
    return math.prod(node.outputs[0].shape) / max(units, 1) if node.outputs else 0.0


def _free(graph: SignalGraph, name: str) -> bool:
    """Whether all that is made with this weight goes through a norm before anything else reads it."""
    readers = graph.consumers()
    return all(
        use.role == "weight" and node.kind == "affine" and readers[node.index] and all(graph.nodes[i].kind == "norm" for i in readers[node.index])
        for node, use in graph.uses_of(name)
    )  # fmt: skip
