"""Fused recurrent layers and cells: input-to-hidden weights are weights, hidden-to-hidden ones are recurrent."""

import torch

from steadygrad.graph.fans import linear_fans
from steadygrad.graph.ops.call import Call, Operand, Seen
from steadygrad.graph.ops.flow import Flow, Passage, Signal, same

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def _operands(call: Call, tensors: list[torch.Tensor], gates: int) -> list[Operand]:
    """Weights come in the order (w_ih, w_hh[, b_ih, b_hh][, w_hr]) per layer and direction; gates are stacked rows."""
    found: list[Operand] = []
    matrices = 0
    for tensor in tensors:
        if call.side(tensor) != "parameter":
            continue
        if tensor.ndim == 1:
            found.append(Operand(tensor, "bias", None, 0))
            continue
        fans = linear_fans((tensor.shape[0] // gates, tensor.shape[1]))
        recurrent = tensor.shape[0] == gates * tensor.shape[1] and matrices % 2 == 1
        found.append(Operand(tensor, "recurrent" if recurrent else "weight", fans, 0))
        matrices += 1
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


FLOWS = dict.fromkeys(OPS, Flow(untold, same))
