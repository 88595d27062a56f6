"""Sums that cancel: what is left of them is rounding, no signal."""

import torch

from steadygrad.graph.signal_graph import MOVED, Node
from steadygrad.probes.evidence import Evidence


def rounding(evidence: Evidence) -> set[int]:
    """Affine ops and sums whose result is no larger than the rounding of what they sum.

    The expectation of a symmetric function over a uniform softmax is 0, and comes out as 2·10⁻⁸: its size says nothing but how numbers are
    stored. A sum of n terms of rms r that differ in sign is of size √n·r, and is known to ε·√n·r, ε being the precision of its dtype.
    """
    return {node.index for node in evidence.graph.nodes if node.index in evidence.signals and _is_rounding(evidence, node)}


def _is_rounding(evidence: Evidence, node: Node) -> bool:
    dtype = getattr(torch, node.outputs[0].dtype, None) if node.outputs else None
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        return False
    q, summed = evidence.signals[node.index].moments.q, _summed(evidence, node)
    return 0.0 < q <= torch.finfo(dtype).eps ** 2 * summed


def _summed(evidence: Evidence, node: Node) -> float:
    """n·r² of the terms; 0 of other ops."""
    read = [_read(evidence, i) for i in node.inputs]
    if node.kind == "join" and node.op in ("add", "sub"):
        return sum(read)
    weights = [use for use in node.uses if use.role == "weight"]
    if node.kind != "affine" or len(weights) != 1 or weights[0].fans is None or len(read) != 1:
        return 0.0
    reading = evidence.parameters.get(weights[0].parameters[0])
    return 0.0 if reading is None else weights[0].fans.fan_in * weights[0].growth * reading.value.moments.q * read[0]


def _read(evidence: Evidence, index: int) -> float:
    """Second moment of an operand, behind views, which are not measured."""
    made = evidence.graph.nodes[index]
    if index not in evidence.signals and made.kind in MOVED:
        made = evidence.graph.upstream(index, MOVED) or made
    return evidence.signals[made.index].moments.q if made.index in evidence.signals else 0.0
