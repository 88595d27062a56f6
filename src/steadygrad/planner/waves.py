"""Weights around sin(ω·Wx + …) with a factor ω of the model's own: implicit fields, as SIREN.

Source: Sitzmann et al. 2020, arXiv:2006.09661, appendix 1.5, for hidden weights and the first layer. That phases are spread over a period, so
that the field is not an odd function of its coordinates, and that a layer which sums waves starts small is ours (benchmarks/init_quality.py).
"""

from collections.abc import Container
from math import pi

from steadygrad.graph.neighbours import constant_factor, next_activation, preceding_activation
from steadygrad.graph.signal_graph import Node, SignalGraph

SUMMED = 0.01
"""Second moment of outputs that sum waves: they are noise of the highest frequencies until they are fitted, and what starts large is first undone."""


def frequency(graph: SignalGraph, node: Node) -> float:
    """ω where this weight makes the argument of sin(ω·) or cos(ω·) with ω ≠ 1; 0 elsewhere."""
    after, factor = next_activation(graph, node.index), constant_factor(graph, node.index)
    return factor if after is not None and after.op in ("sin", "cos") and factor != 1.0 else 0.0


def reads_coordinates(graph: SignalGraph, node: Node, inputs: Container[int]) -> bool:
    """A few numbers straight from the inputs into a wave: Fourier features, whose bandwidth is the author's choice."""
    read = graph.upstream(node.index, ("cast", "dropout"))
    return frequency(graph, node) > 0.0 and read is not None and read.index in inputs


def sums_waves(graph: SignalGraph, node: Node) -> bool:
    """Whether this weight contracts values of sin(ω·) or cos(ω·), ω ≠ 1."""
    before = preceding_activation(graph, node.index)
    if before is None or before.op not in ("sin", "cos"):
        return False
    return any(n.kind == "affine" and frequency(graph, n) > 0.0 and next_activation(graph, n.index) is before for n in graph.nodes)


def phases(omega: float) -> float:
    """Variance of biases that spread ω·b over one period: (π/ω)²/3."""
    return (pi / omega) ** 2 / 3.0
