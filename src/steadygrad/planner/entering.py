"""Moments of what enters a model: measured from the batch."""

from typing import Any

import numpy as np
import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.ops.flow import Signal
from steadygrad.graph.signal_graph import SignalGraph


def signals(graph: SignalGraph, inputs: Any) -> dict[int, Signal]:
    """Input node → moments of its tensor; of size 1 where there is none to measure."""
    tensors = dict(named_tensors(inputs, "inputs")) if inputs is not None else {}
    found = {}
    for node in graph.nodes:
        if node.op in ("input", "target"):
            tensor = tensors.get(node.where)
            numbers = tensor is not None and (tensor.is_floating_point() or tensor.is_complex())
            known = tensor is not None and numbers and not tensor.is_meta and tensor.layout is torch.strided and tensor.numel() > 0
            found[node.index] = of(tensor) if known and tensor is not None else Signal(np.ones(1))
    return found


@torch.no_grad()
def of(x: torch.Tensor) -> Signal:
    """Second moment, share of the mean, and cosines between positions and between samples of a batch (B, …).

    Cosines over all pairs at once: Σ_{p≠p′} x_p·x_p′ = |Σ x_p|² − Σ |x_p|². Positions are the axes after the channels for images
    (B, C, H, W), the second axis for sequences (B, T, F). Imaginary parts are further channels.
    """
    x = x.detach()
    x = (torch.cat([x.real, x.imag], -1 if x.ndim == 3 else min(x.ndim - 1, 1)) if x.is_complex() and x.ndim else x).double()
    x = torch.where(torch.isfinite(x), x, 0.0)
    q = float(x.square().mean())
    if q == 0.0:
        return Signal(np.zeros(1))
    places = x.flatten(2) if x.ndim > 3 else x.transpose(1, 2) if x.ndim == 3 else x.unsqueeze(-1) if x.ndim == 2 else x.reshape(len(x), 1, -1)
    return Signal(np.array([q]), float(x.mean()) ** 2 / q, _cosine(places, -1, q), _cosine(places, 0, q))


def _cosine(x: torch.Tensor, axis: int, q: float) -> float:
    n = x.shape[axis]
    if n < 2:
        return 0.0
    pairs = float((x.sum(axis).square() - x.square().sum(axis)).mean()) / (n * (n - 1))
    return min(max(pairs / q, -1.0), 1.0)
