"""The correction of batch renormalization."""

from typing import Any

import torch


@torch.no_grad()
def batch_renorm_correction(
    mean: torch.Tensor, variance: torch.Tensor, running_mean: torch.Tensor, running_var: torch.Tensor, eps: float, r_max: Any, d_max: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """(r, d) of shape (C,), without gradient: r = σ_B/σ in [1/r_max, r_max], d = (μ_B − μ)/σ in [−d_max, d_max].

    σ = √(variance + eps), for the batch and the running one. x̂·r + d is (x − μ)/σ while neither bound binds. A batch that
    is not finite gives r = 1, d = 0.

    Source: Ioffe 2017, arXiv:1702.03275, algorithm 1.
    """
    sigma = (running_var + eps).sqrt()
    r = ((variance + eps).sqrt() / sigma).to(mean.dtype)
    d = ((mean - running_mean) / sigma).to(mean.dtype)
    r_max, d_max = torch.as_tensor(r_max, dtype=r.dtype), torch.as_tensor(d_max, dtype=d.dtype)
    r, d = r.clamp(1 / r_max.to(r.device), r_max.to(r.device)), d.clamp(-d_max.to(d.device), d_max.to(d.device))
    return torch.nan_to_num(r, nan=1.0), torch.nan_to_num(d, nan=0.0)
