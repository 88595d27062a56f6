"""The one mechanism: how large a step is, relative to what it moves."""

from collections.abc import Sequence

import torch
from torch import Tensor


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """(len(tensors),) Euclidean norms in at least float32, of the whole tensors where they are sharded (FSDP2, DTensor)."""
    found = []
    for norm in torch._foreach_norm(list(tensors)):  # one pass each; half inputs are summed in float32
        whole = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        found.append(whole.float() if whole.dtype in (torch.float16, torch.bfloat16) else whole)
    return torch.stack(found)


def trust_ratios(weights: Tensor, updates: Tensor, coefficient: float = 1.0, weight_decay: float = 0.0, eps: float = 0.0, clip: float | None = None) -> Tensor:
    """coefficient·‖w‖/(‖u‖ + weight_decay·‖w‖ + eps) elementwise, at most `clip`; 1 wherever ‖w‖ or the quotient's ‖u‖ is 0.

    `weights`, `updates` are norms of one shape. A parameter of norm zero (a gain or residual branch that starts at 0) could
    never leave it otherwise; an update of norm zero moves nothing with any ratio. What is not finite gives 1 too: that
    step's gradients are for the loss scaler to refuse.

    Source: You, Gitman & Ginsburg 2017, arXiv:1708.03888, eq. 6; You et al. 2019, arXiv:1904.00962, algorithm 2.

    Example:
        >>> trust_ratios(torch.tensor([2.0, 0.0, 2.0]), torch.tensor([4.0, 4.0, 0.0]))
        tensor([0.5000, 1.0000, 1.0000])
    """
    ratio = coefficient * weights / (updates + weight_decay * weights + eps)
    if clip is not None:
        ratio = ratio.clamp(max=clip)
    usable = (weights > 0) & (updates > 0) & ratio.isfinite()
    return torch.where(usable, ratio, torch.ones_like(ratio))


def matched(ratios: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """One 0-dimensional ratio per tensor, in its dtype, and replicated over its mesh where it is sharded."""
    return [_beside(ratio.to(t.dtype), t) for ratio, t in zip(ratios.unbind(), tensors, strict=True)]


def _beside(ratio: Tensor, tensor: Tensor) -> Tensor:
    mesh = getattr(tensor, "device_mesh", None)
    if mesh is None:
        return ratio
    from torch.distributed.tensor import DTensor, Replicate

    return DTensor.from_local(ratio, mesh, [Replicate()] * mesh.ndim, run_check=False)
