"""What a recurrence hands on from one step to the next: the measured growth of its matrix, or the openness of its gate."""

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from steadygrad.graph.sharded import whole
from steadygrad.graph.signal_graph import Node, SignalGraph

STEPS = 32
PROBES = 4
KEEPING = {"lstm": 1, "gru": 1}
"""Which of the stacked gates keeps the state: LSTM's are i, f, g, o, GRU's r, z, n."""


def kept_shares(graph: SignalGraph, parameters: Mapping[str, nn.Parameter]) -> dict[str, float]:
    """Recurrent weight → share of its state that one step hands on, at the start of training.

    Plain recurrences h ← φ(W h + …): the geometric mean over 32 steps of ‖W h‖/‖h‖ from four random states, for a random
    matrix its spectral radius σ√n; an upper bound while |φ'| ≤ 1. LSTM and GRU hand their state on through a gate:
    the median over units of σ(b), b the gate's summed biases, its value where inputs and states average out.
    Weights that are not finite, complex, or used in another shape than they have are left out.
    """
    found: dict[str, float] = {}
    for node in graph.nodes:
        for name, biases in _recurrences(node):
            if name in found or name not in parameters:
                continue
            weight = whole(parameters[name].detach())
            keeping = KEEPING.get(node.op.removesuffix("_cell"))
            if weight.is_complex() or not bool(torch.isfinite(weight).all()):
                continue
            found[name] = growth(weight) if keeping is None else _openness(weight, [whole(parameters[b].detach()) for b in biases if b in parameters], keeping)
    return found


def growth(weight: torch.Tensor) -> float:
    """(‖W^k x‖/‖x‖)^(1/k) for k = 32, root mean square over four random x of entries ±1; 0 when W^k x = 0."""
    size = weight.shape[1]
    signs = torch.randint(0, 2, (size, PROBES), generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    matrix = weight.to(torch.float64 if weight.dtype == torch.float64 else torch.float32)
    state = signs.to(matrix)
    state, total = state / state.norm(), 0.0
    for _ in range(STEPS):
        state = matrix @ state
        length = float(state.norm())
        if not length > 0.0:
            return 0.0
        state, total = state / length, total + float(torch.tensor(length, dtype=torch.float64).log())
    return float(torch.tensor(total / STEPS, dtype=torch.float64).exp())


def _openness(weight: torch.Tensor, biases: list[torch.Tensor], gate: int) -> float:
    size = weight.shape[1]
    total = sum((bias[gate * size : (gate + 1) * size].float() for bias in biases), torch.zeros(size, device=weight.device))
    return float(total.sigmoid().median())


def _recurrences(node: Node) -> Iterator[tuple[str, list[str]]]:
    """Each recurrent weight of a fused op or cell with its biases, which follow it."""
    if not node.op.startswith(("lstm", "gru", "rnn")):
        return
    for i, use in enumerate(node.uses):
        if use.role == "recurrent" and not use.derived:
            after = node.uses[i + 1 : i + 3]
            yield use.parameters[0], [u.parameters[0] for u in after if u.role == "bias" and not u.derived]
