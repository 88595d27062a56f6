"""Probability-integral-transform normalization as a layer."""

import torch
from torch import nn

from steadygrad.normalization.functional.batch import scale_and_shift
from steadygrad.normalization.functional.probability import Target, batch_quantiles, probability_transform, through_quantiles
from steadygrad.normalization.validate import fraction, one_of, several, signal


class ProbabilityNorm(nn.Module):
    """γ·F̂(x) + β, or γ·Φ⁻¹(F̂(x)) + β: each channel becomes uniform on [0, 1], or a standard Gaussian.

    In training F̂ is the batch's interpolated distribution; the table of quantiles is averaged (the average of quantile
    functions is a quantile function) and serves in eval mode. See `functional.through_quantiles` for gradients and ties.

    Args:
        channels: C.
        target: "gaussian" or "uniform".
        points: size of the table per channel.
        momentum: weight of the new table.

    Raises:
        InputError: an unknown target, fewer than two points, one value per channel in train mode.

    Source: the chapter's exercise 7; Angus 1994, SIAM Review 36(4).
    """

    def __init__(self, channels: int, target: Target = "gaussian", *, points: int = 33, momentum: float = 0.1, affine: bool = True) -> None:
        super().__init__()
        self.channels = channels
        self.target: Target = one_of("ProbabilityNorm", "target", target, ("uniform", "gaussian"))  # type: ignore[assignment]
        several("ProbabilityNorm (points of the table)", points, torch.Size([channels]), "points=33 is usual")
        self.points, self.momentum = points, fraction("ProbabilityNorm", "momentum", momentum)
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        start = torch.special.ndtri(torch.linspace(0.5 / points, 1 - 0.5 / points, points)).unsqueeze(1)
        self.register_buffer("running_quantiles", start.repeat(1, channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Transform (N, C, …), and in train mode learn."""
        signal(f"ProbabilityNorm({self.channels})", input, self.channels)
        x = input.to(self.running_quantiles.dtype)
        if self.training:
            several(f"ProbabilityNorm({self.channels})", x.numel() // self.channels, input.shape)
            table = batch_quantiles(x, self.points)
            y = probability_transform(x, self.target, self.points, table=table)
            self._learn(table.detach())
        else:
            y = through_quantiles(x, self.running_quantiles.clone(), self.target, 0.5 / self.points)
        return scale_and_shift(y, self.weight, self.bias).to(input.dtype)

    @torch.no_grad()
    def _learn(self, table: torch.Tensor) -> None:
        keep = (table * 0).sum() == 0
        first = self.num_batches_tracked == 0  # the table of the first batch replaces the placeholder
        self.num_batches_tracked.add_(keep)
        step = 1.0 / self.num_batches_tracked.clamp(min=1) if self.momentum is None else torch.where(first, 1.0, self.momentum)
        self.running_quantiles.lerp_(torch.where(keep, table, self.running_quantiles), step.to(table.dtype))
