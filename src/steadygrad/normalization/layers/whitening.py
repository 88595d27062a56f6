"""Iterative whitening as a layer: it remembers mean and covariance, never their inverse root."""

from typing import Any

import torch
from torch import nn

from steadygrad.normalization.functional import whitening
from steadygrad.normalization.functional.batch import scale_and_shift
from steadygrad.normalization.validate import count, divides, fraction, positive, several, signal


class IterativeWhitening(nn.Module):
    """γ·Σ^(−1/2)(x − μ) + β with the covariance Σ of each group of channels; for (N, C) to (N, C, D, H, W).

    In training Σ is the batch's; in eval mode the running one. What is averaged is Σ: the average of inverse roots is
    not the inverse root of the average. A batch that is not finite is not learned from.

    Args:
        channels: C.
        group_size: channels whitened together, d; cost grows as n·d² + d³, and n ≫ d samples are needed.
        steps: coupled Newton-Schulz steps; IterNorm's 5 leave residuals of 0.8 at condition number 10.
        shrinkage: towards equal variances, in [0, 1]; None for the oracle approximating amount.
        momentum: weight of the new value.

    Raises:
        InputError: group_size does not divide C, a setting out of range, one value per channel in train mode.

    Source: Huang et al. 2018, arXiv:1804.08450; Huang et al. 2019, arXiv:1904.03441.
    """

    def __init__(
        self, channels: int, group_size: int | None = None, *, steps: int = 12, shrinkage: float | None = 0.0, eps: float = 1e-5,
        momentum: float = 0.1, affine: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        where = "IterativeWhitening"
        self.groups = divides(where, channels if group_size is None else group_size, channels)
        size = channels // self.groups
        self.channels, self.steps, self.eps = channels, count(where, "steps", steps), positive(where, "eps", eps)
        self.shrinkage, self.momentum = fraction(where, "shrinkage", shrinkage), fraction(where, "momentum", momentum)
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_covariance", torch.eye(size).repeat(self.groups, 1, 1))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Whiten (N, C, …), and in train mode learn."""
        signal(f"IterativeWhitening({self.channels})", input, self.channels)
        x = input.to(self.running_mean.dtype)
        if self.training:
            n = x.numel() // self.channels
            several(f"IterativeWhitening({self.channels})", n, input.shape)
            mean, covariance = whitening.covariance_of(x, self.groups)
            self._learn(mean.detach(), covariance.detach() * (n / (n - 1)))
            s: Any = whitening.oracle_shrinkage(covariance, n) if self.shrinkage is None else self.shrinkage
        else:
            mean, covariance = self.running_mean.clone(), self.running_covariance.clone()
            s = self.shrinkage or 0.0
        root = whitening.inverse_root(whitening.shrunk(covariance, s, self.eps), self.steps)
        return scale_and_shift(whitening.whiten(x, mean, root), self.weight, self.bias).to(input.dtype)

    @torch.no_grad()
    def _learn(self, mean: torch.Tensor, covariance: torch.Tensor) -> None:
        keep = (mean * 0).sum() + (covariance * 0).sum() == 0
        self.num_batches_tracked.add_(keep)
        step: Any = self.momentum if self.momentum is not None else 1.0 / self.num_batches_tracked.clamp(min=1)
        for running, new in ((self.running_mean, mean), (self.running_covariance, covariance)):
            running.lerp_(torch.where(keep, new, running), step)
