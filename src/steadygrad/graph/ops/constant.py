"""Tensors of numbers that no weight and no input made: tables of positions, frozen statistics, masks that multiply."""

from math import isfinite, prod

import numpy as np
import torch

from steadygrad.graph.ops.call import Call
from steadygrad.graph.ops.flow import Signal

MASKED = 30.0
"""Numbers from here on may be added where attention must not look: exp(−30) is nothing beside 1, Swin's masks are −100. A sum with them is measured."""

LARGEST = 1 << 22
"""Entries from which a constant is not read: a bias of every pair of positions and head would take as long as the layer and twice its memory."""


def met(call: Call, op: str) -> dict[str, tuple[float, float, float, float]]:
    """Moments of the constant tensor that the only signal among two operands met; {} where there is none, or not of numbers that stand still.

    One number a sample is what drops whole branches at random: the next run has others.
    """
    left, right = (*call.args[:2], None, None)[:2]
    tensors = [t for t in (left, right) if isinstance(t, torch.Tensor) and call.side(t) == "constant"]
    output = call.output
    if len(tensors) != 1 or not isinstance(output, torch.Tensor) or (op == "div" and tensors[0] is left):
        return {}
    found = moments(tensors[0], tuple(output.shape), op)
    if found is None and op in ("add", "sub") and is_mask(tensors[0]):
        return {"masks": True}
    return {} if found is None else {"constant": found}


@torch.no_grad()
def is_mask(x: torch.Tensor) -> bool:
    """Whether it has zeros, and else nothing but numbers no larger than −`MASKED`: what is added to logits where attention must not look."""
    plain = type(x) is torch.Tensor and x.is_floating_point() and not x.is_meta and x.layout is torch.strided and 2 <= x.numel() <= LARGEST
    return plain and bool(((x == 0.0) | (x <= -MASKED)).all()) and bool((x == 0.0).any()) and bool((x != 0.0).any())


@torch.no_grad()
def moments(x: torch.Tensor, shape: tuple[int, ...], op: str = "mul") -> tuple[float, float, float, float] | None:
    """Second moment, share of the mean, and cosines between positions and samples, of x (or 1/x) as `op` broadcasts it to `shape`.

    Channels are the second axis of four or more, else the last; cosines over all pairs, Σ_{p≠p′} x_p·x_p′ = |Σ x_p|² − Σ x_p².
    """
    plain = type(x) is torch.Tensor and x.is_floating_point() and not x.is_meta and x.layout is torch.strided
    if not plain or not 2 <= x.numel() <= LARGEST or x.ndim > len(shape):
        return None
    x = x.detach().reshape((1,) * (len(shape) - x.ndim) + tuple(x.shape))
    if prod(x.shape[1:]) == 1 < x.shape[0] or (op in ("add", "sub") and not float(x.abs().amax()) < MASKED):
        return None
    x = x.double().reciprocal() if op == "div" else x.double()
    q, mean = float(x.square().mean()), float(x.mean())
    if not isfinite(q):
        return None
    if q == 0.0:
        return 0.0, 0.0, 1.0, 1.0
    channels = 1 if len(shape) > 3 else len(shape) - 1
    places = [axis for axis in range(1, len(shape)) if axis != channels]
    return q, min(mean**2 / q, 1.0), _cosine(x, shape, places) / q, _cosine(x, shape, [0]) / q


def _cosine(x: torch.Tensor, shape: tuple[int, ...], axes: list[int]) -> float:
    """Mean product of two entries that differ in these axes alone; broadcast ones are the same."""
    n, own = prod(shape[axis] for axis in axes), prod(x.shape[axis] for axis in axes)
    if own < 2:
        return float(x.square().mean())
    copies = n / own
    whole, alone = float(x.sum(axes).square().mean()), float(x.square().sum(axes).mean())
    return (copies**2 * whole - copies * alone) / (n * (n - 1))


def signal(options: dict[str, object]) -> Signal | None:
    """The constant that an op met, as a signal."""
    found = options.get("constant")
    return Signal(np.array([found[0]]), *found[1:]) if isinstance(found, tuple) else None
