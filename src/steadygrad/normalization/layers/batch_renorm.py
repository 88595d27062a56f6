"""Batch renormalization: train on what eval mode will compute."""

from typing import Any

import torch

from steadygrad.errors import InputError
from steadygrad.normalization.functional.batch import scale_and_shift, standardize
from steadygrad.normalization.functional.batch_renorm import batch_renorm_correction
from steadygrad.normalization.functional.moments import Moments, along_channels
from steadygrad.normalization.layers.batch_norm import BatchNorm


class BatchRenorm(BatchNorm):
    """y = γ·(x̂·r + d) + β, where r and d carry batch statistics over to the running ones, within bounds.

    x̂ = (x − μ_B)/σ_B, r = clip(σ_B/σ, 1/r_max, r_max), d = clip((μ_B − μ)/σ, −d_max, d_max); no gradient flows through r
    and d. Within the bounds the output *is* eval mode's. The bounds open linearly from r = 1, d = 0 (plain batch norm) at
    `warmup[0]` updates to r_max, d_max at `warmup[1]`, and stay there. The count of updates is in the state_dict, so a
    resumed run goes on where it was.

    Raises:
        InputError: r_max < 1, d_max < 0, a warm-up that ends before it begins, no running statistics, a cut normalize.

    Source: Ioffe 2017, arXiv:1702.03275, algorithm 1 and section 4.2 (r_max 3, d_max 5, bounds opened during warm-up).
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.01, *,
        r_max: float = 3.0, d_max: float = 5.0, warmup: tuple[int, int] = (5000, 40000), **settings: Any,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, **settings)
        if not r_max >= 1 or not d_max >= 0:
            raise InputError(f"BatchRenorm: needs r_max ≥ 1 and d_max ≥ 0, got r_max={r_max!r}, d_max={d_max!r}; the paper's are 3 and 5")
        if not 0 <= warmup[0] <= warmup[1]:
            raise InputError(f"BatchRenorm: `warmup` must be (first, last) with 0 ≤ first ≤ last, got {warmup!r}; for example (5000, 40000)")
        if self.running_mean is None or self.normalize != "both":
            raise InputError(f"BatchRenorm: needs running statistics and normalize='both', got {self.track_running_stats} and {self.normalize!r}")
        self.r_max, self.d_max, self.warmup = float(r_max), float(d_max), tuple(warmup)

    def opened(self) -> torch.Tensor:
        """How far the bounds are open, in [0, 1]."""
        first, last = self.warmup
        assert self.num_batches_tracked is not None
        done = self.num_batches_tracked.double()
        return ((done - first) / (last - first)).clamp(0.0, 1.0) if last > first else (done >= last).double()

    def _by_batch(self, input: torch.Tensor) -> torch.Tensor:
        wide = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        moments = Moments.of(wide)
        opened = self.opened()
        r, d = batch_renorm_correction(
            moments.mean, moments.biased, self.running_mean, self.running_var, self.eps,
            1 + (self.r_max - 1) * opened, self.d_max * opened,
        )  # fmt: skip
        normalized = standardize(wide, moments.mean, moments.biased, self.eps)
        output = scale_and_shift(normalized * along_channels(r, input) + along_channels(d, input), self.weight, self.bias)
        self._learn(Moments(moments.count, moments.mean.detach(), moments.m2.detach()))
        return output.to(input.dtype)
