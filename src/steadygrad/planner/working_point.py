"""Where activations stand: theory's starting points for the weights around them."""

from collections.abc import Callable

from steadygrad.errors import InputError
from steadygrad.graph.neighbours import activation_of, next_activation, preceding_activation
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.planner.standing import behind_norm
from steadygrad.theory.starting_point import StartingPoint, starting_point

DEEP = 16
"""Weights in a row from which a criticality with random biases is worth it; shorter chains keep unit signals with zero biases."""
Chain = Callable[[str], int]
"""Activation → the longest chain of weights with nothing but it between."""


def gain(graph: SignalGraph, node: Node) -> float:
    """The forward gain of what a weight reads: that of theory's starting point, 1 after no activation."""
    phi = activation_of(preceding_activation(graph, node.index))
    try:
        return 1.0 if phi is None else starting_point(phi).gain
    except InputError:
        return 1.0


def origin(graph: SignalGraph, node: Node) -> float:
    """φ(0) of the activation a weight reads."""
    phi = activation_of(preceding_activation(graph, node.index))
    return 0.0 if phi is None else float(phi.phi(0.0))


def start(graph: SignalGraph, node: Node, chain: Chain) -> StartingPoint | None:
    """Theory's starting point where the weight reads an activation that no norm holds in place."""
    before = preceding_activation(graph, node.index)
    phi = activation_of(before)
    if before is None or phi is None or phi.homogeneous or behind_norm(graph, before):
        return None
    if not phi.bounded and chain(before.op) < DEEP:
        return None
    try:
        return starting_point(phi)
    except InputError:
        return None


def target(graph: SignalGraph, node: Node, chain: Chain) -> tuple[float, str]:
    """Second moment that a weight's outputs should have, and why."""
    after = activation_of(next_activation(graph, node.index))
    if after is not None and not after.homogeneous and not after.bounded and chain(after.name) >= DEEP:
        try:
            found = starting_point(after)
        except InputError:
            return 1.0, "outputs of unit size"
        if 0.0 < found.q < 4.0:
            return found.q, f"q = {found.q:.3g}, where {after.name} is stable"
    return 1.0, "outputs of unit size"
