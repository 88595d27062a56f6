"""Ghost batch normalization: the noise of small batches inside a large one."""

from functools import reduce
from typing import Any

import torch

from steadygrad.errors import InputError
from steadygrad.normalization.functional.moments import Moments
from steadygrad.normalization.layers.batch_norm import BatchNorm, fused
from steadygrad.normalization.validate import several


class GhostBatchNorm(BatchNorm):
    """Batch norm over virtual batches: the batch is cut along axis 0 and each part normalized by itself.

    The parts are as equal as can be and never larger than `virtual_batch` (a batch of 10 with virtual_batch=4 gives
    4, 3, 3), so no part is a remainder of one. Running statistics take the pooled moments of the whole batch, so eval mode
    is that of plain batch norm; Hoffer's own code lets each part move them in turn. In eval mode no parts are made.
    Also an emulator of small batches per device. All settings of BatchNorm hold, but normalize is "both".

    Raises:
        InputError: virtual_batch < 2 with inputs (N, C); a part with one value per channel.

    Source: Hoffer, Hubara & Soudry 2017, arXiv:1705.08741, algorithm 1.
    """

    def __init__(self, num_features: int, virtual_batch: int = 32, eps: float = 1e-5, momentum: float | None = 0.1, **settings: Any) -> None:
        super().__init__(num_features, eps, momentum, **settings)
        if not isinstance(virtual_batch, int) or virtual_batch < 1:
            raise InputError(f"GhostBatchNorm: `virtual_batch` must be a whole number ≥ 1, got {virtual_batch!r}; 32 is usual")
        if self.normalize != "both":
            raise InputError(f"GhostBatchNorm: `normalize` must be 'both', got {self.normalize!r}; use BatchNorm for the others")
        self.virtual_batch = virtual_batch

    def _by_batch(self, input: torch.Tensor) -> torch.Tensor:
        parts = input.tensor_split(-(-input.shape[0] // self.virtual_batch))
        smallest = parts[-1]
        several(
            f"GhostBatchNorm({self.num_features}, virtual_batch={self.virtual_batch})",
            smallest.numel() // self.num_features, smallest.shape, "raise virtual_batch, or the batch size",
        )  # fmt: skip
        done = [fused(part, self.weight, self.bias, self.eps) for part in parts]
        moments = [Moments.from_unbiased(part.numel() // self.num_features, *batch.unbind()) for part, (_, batch) in zip(parts, done, strict=True)]
        self._learn(reduce(Moments.merge, moments))
        return torch.cat([output for output, _ in done])

    def extra_repr(self) -> str:
        """BatchNorm's line and the size of the parts."""
        return f"{super().extra_repr()}, virtual_batch={self.virtual_batch}"
