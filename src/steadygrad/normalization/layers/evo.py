"""EvoNorm layers; they contain their activation."""

import torch
from torch import nn

from steadygrad.normalization.functional.evo import evo_norm_b0, evo_norm_s0
from steadygrad.normalization.functional.moments import Moments
from steadygrad.normalization.validate import divides, fraction, positive


class EvoNormS0(nn.Module):
    """γ·x·sigmoid(v·x)/σ_group + β; see `functional.evo_norm_s0`. `groups` must divide the channels."""

    def __init__(self, channels: int, groups: int = 32, eps: float = 1e-5) -> None:
        super().__init__()
        divides("EvoNormS0", groups, channels)
        self.groups, self.eps = groups, positive("EvoNormS0", "eps", eps)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.v = nn.Parameter(torch.ones(channels))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize and activate (N, C, …)."""
        return evo_norm_s0(input, self.v, self.groups, self.weight, self.bias, self.eps)


class EvoNormB0(nn.Module):
    """γ·x/max(σ_batch, v·x + σ_instance) + β; see `functional.evo_norm_b0`.

    Keeps a running unbiased variance for eval mode, momentum of the new value; batches that are not finite, or have one
    value per channel, do not enter it.
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = positive("EvoNormB0", "eps", eps), fraction("EvoNormB0", "momentum", momentum)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.v = nn.Parameter(torch.ones(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize and activate (N, C, …)."""
        if not self.training:
            return evo_norm_b0(input, self.v, self.running_var.clone(), self.weight, self.bias, self.eps)
        output = evo_norm_b0(input, self.v, None, self.weight, self.bias, self.eps)
        with torch.no_grad():
            moments = Moments.of(input)
            keep = moments.finite
            new = torch.where(keep, moments.unbiased.to(self.running_var.dtype), self.running_var)
            self.num_batches_tracked.add_(keep)
            self.running_var.lerp_(new, self.momentum if self.momentum is not None else 1.0 / self.num_batches_tracked.clamp(min=1))
        return output
