"""What theory asks of a weight, given what stands before it in the graph."""

import math
from functools import lru_cache

from steadygrad.graph.neighbours import activation_of, numbers, preceding_activation
from steadygrad.graph.signal_graph import Node, ParameterUse
from steadygrad.probes.evidence import Evidence
from steadygrad.theory import activations, gaussian


def forward_gain(node: Node | None) -> float:
    """1/√E[φ(z)²] of an activation node, z ~ N(0, 1); 1 without one or for a function theory does not know."""
    phi = activation_of(node)
    return 1.0 if phi is None else gaussian.forward_gain(phi)


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
