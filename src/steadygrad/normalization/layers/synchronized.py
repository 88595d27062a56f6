"""Batch normalization over the batches of all processes."""

from typing import Any

import torch
from torch import distributed

from steadygrad.errors import InputError
from steadygrad.normalization.functional.batch import scale_and_shift, standardize
from steadygrad.normalization.functional.moments import Moments, along_channels, channel_axes
from steadygrad.normalization.layers.batch_norm import HALVES, BatchNorm
from steadygrad.normalization.validate import several


class SyncBatchNorm(BatchNorm):
    """Batch norm whose statistics are those of the union of all processes' batches.

    Two all-reduces, in either backend (gloo, NCCL): Σx and the count, then Σ(x − μ)² about the common mean, so there is no
    cancellation and batches may be of any sizes, also empty on some processes. Gradients flow back through both: the
    gradient of Σ over processes of the losses, as in one process with the whole batch. One process, or no process group,
    is plain BatchNorm. In eval mode nothing is sent. Every process must call it, even with no samples.

    Args:
        process_group: torch.distributed group; None for all.

    Raises:
        InputError: the processes together have one value per channel (then on every process).

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1, over the union.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, *, process_group: Any = None, **settings: Any) -> None:
        super().__init__(num_features, eps, momentum, **settings)
        if self.normalize != "both":
            raise InputError(f"SyncBatchNorm: `normalize` must be 'both', got {self.normalize!r}; use BatchNorm for the others")
        self.process_group = process_group

    def _alone(self) -> bool:
        return not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size(self.process_group) == 1

    def _check_count(self, input: torch.Tensor) -> None:
        if self._alone():
            super()._check_count(input)

    def _by_batch(self, input: torch.Tensor) -> torch.Tensor:
        if self._alone():
            return super()._by_batch(input)
        x = input.float() if input.dtype in HALVES else input
        sums = torch.cat([x.sum(channel_axes(x)), x.new_tensor([x.numel() // self.num_features])])
        total = _Sum.apply(sums, self.process_group)
        n = total[-1].detach()
        several(f"SyncBatchNorm({self.num_features}) over all processes", int(n), input.shape)
        mean = total[:-1] / n
        m2 = _Sum.apply((x - along_channels(mean, x)).square().sum(channel_axes(x)), self.process_group)
        self._learn(Moments(n.long(), mean.detach(), m2.detach()))
        return scale_and_shift(standardize(x, mean, m2 / n, self.eps), self.weight, self.bias).to(input.dtype)


class _Sum(torch.autograd.Function):
    """Σ over processes; the gradient of Σ over processes is Σ over processes."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, group: Any) -> torch.Tensor:
        ctx.group = group
        x = x.clone().contiguous()
        distributed.all_reduce(x, group=group)
        return x

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        grad = grad.clone().contiguous()
        distributed.all_reduce(grad, group=ctx.group)
        return grad, None
