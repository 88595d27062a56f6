"""Fused recurrent layers and cells: input-to-hidden weights are weights, hidden-to-hidden ones are recurrent."""

import torch

from steadygrad.graph.fans import linear_fans
from steadygrad.graph.ops.call import Call, Operand, Seen
from steadygrad.graph.ops.flow import Flow, Passage, Signal, same
from steadygrad.graph.signal_graph import Node

OPEN = 0.394
"""E[tanh(z)²], z standard normal: the state o ⊙ tanh(c) of a unit cell behind an open output gate, and the candidate of a GRU."""
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def _operands(call: Call, tensors: list[torch.Tensor], gates: int) -> list[Operand]:
    """Weights come in the order (w_ih, w_hh[, b_ih, b_hh][, w_hr]) per layer and direction; gates are stacked rows.

    A projection w_hr (proj, hidden) has no gates; it is the one matrix whose columns are the rows of a gate.
    """
    parameters = [t for t in tensors if call.side(t) == "parameter"]
    found: list[Operand] = []
    hidden, matrices = 0, 0
    for tensor in parameters:
        if tensor.ndim == 1:
            found.append(Operand(tensor, "bias", None, 0))
        elif matrices == 2 and tensor.shape[1] == hidden and tensor.shape[0] < hidden:  # what the state is projected by
            found.append(Operand(tensor, "weight", linear_fans(tensor.shape), 0))
            matrices = 0
        else:
            matrices = 1 if matrices == 2 else matrices + 1
            hidden = tensor.shape[0] // gates
            fans = linear_fans((hidden, tensor.shape[1]))
            square = tensor.shape[1] == hidden  # with a projection the state is smaller than a gate
            found.append(Operand(tensor, "recurrent" if matrices == 2 and square else "weight", fans, 0))
    return found


def recurrent(call: Call) -> Seen:
    """`torch.lstm`, `gru`, `rnn_tanh`, `rnn_relu` and their cells."""
    base = call.name.removesuffix("_cell")
    gates = GATES[base]
    tensors = call.tensors()
    signals = [tensors[0], *(t for t in tensors[1:] if call.side(t) == "signal")]
    output = call.output[0] if isinstance(call.output, tuple) else call.output
    return Seen(call.name, "affine", signals, _operands(call, tensors[1:], gates), {"gates": gates}, output.ndim - 1, starts=True)


OPS = {name + suffix: recurrent for name in GATES for suffix in ("", "_cell")}


def untold(at: Passage) -> Signal | None:
    """A whole recurrence in one op is measured, not predicted."""
    return None


def at_least(node: Node) -> float:
    """Second moment to which the state of a gated recurrence grows as it learns; 0 for everything else.

    Gates start half shut: h = σ(o)·tanh(c) has E[h²] ≈ 0.01 in a fresh LSTM and comes to that of an open gate. What reads it should be
    designed for the latter, as its outputs grow with the state. Projected states have a size of their own.
    """
    if node.kind != "affine" or GATES.get(node.op.removesuffix("_cell"), 1) == 1:
        return 0.0
    return 0.0 if is_projected(node) else OPEN


def is_projected(node: Node) -> bool:
    """Whether an LSTM hands on a product of its state instead of the state (`proj_size`)."""
    return any(use.role == "weight" and use.fans is not None and use.shape[0] == use.fans.fan_out for use in node.uses)


FLOWS = dict.fromkeys(OPS, Flow(untold, same))
