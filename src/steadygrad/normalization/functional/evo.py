"""EvoNorms: normalization and activation found together by search."""

import torch

from steadygrad.normalization.functional.batch import scale_and_shift
from steadygrad.normalization.functional.moments import Moments, along_channels
from steadygrad.normalization.validate import divides, positive, several, signal


def _instance_variance(x: torch.Tensor) -> torch.Tensor:
    return x.var(tuple(range(2, x.ndim)), correction=0, keepdim=True)


def evo_norm_b0(
    x: torch.Tensor, v: torch.Tensor, variance: torch.Tensor | None = None, weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None, eps: float = 1e-5,
) -> torch.Tensor:  # fmt: skip
    """γ·x/max(√(σ²_batch + eps), v·x + √(σ²_instance + eps)) + β; `variance` (C,) stands for the batch's in eval mode.

    Contains its activation; do not add one. All variances are biased.

    Raises:
        InputError: one value per channel in the batch, or one position.

    Source: Liu et al. 2020, arXiv:2004.02967, table 2 (EvoNorm-B0).
    """
    signal("evo_norm_b0", x, v.numel(), range(3, 6))
    positive("evo_norm_b0", "eps", eps)
    several("evo_norm_b0", x.shape[2:].numel(), x.shape, "the variance over positions is zero for 1×1 maps; use BatchNorm")
    batch = Moments.of(x).biased if variance is None else variance
    left = along_channels((batch + eps).sqrt(), x)
    right = along_channels(v, x) * x + (_instance_variance(x) + eps).sqrt()
    return scale_and_shift(x / torch.maximum(left, right), weight, bias)


def evo_norm_s0(
    x: torch.Tensor, v: torch.Tensor, groups: int, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5
) -> torch.Tensor:
    """γ·x·sigmoid(v·x)/√(σ²_group + eps) + β, per sample; contains its activation.

    Raises:
        InputError: groups do not divide C; one value per group.

    Source: Liu et al. 2020, arXiv:2004.02967, table 2 (EvoNorm-S0).
    """
    signal("evo_norm_s0", x, v.numel())
    positive("evo_norm_s0", "eps", eps)
    per_group = divides("evo_norm_s0", groups, x.shape[1])
    several("evo_norm_s0", per_group * x.shape[2:].numel(), x.shape, "use fewer groups")
    grouped = x.reshape(x.shape[0], groups, -1)
    sigma = (grouped.var(-1, correction=0) + eps).sqrt().repeat_interleave(per_group, 1)
    return scale_and_shift(x * torch.sigmoid(along_channels(v, x) * x) / sigma.view(*sigma.shape, *(1,) * (x.ndim - 2)), weight, bias)
