"""Standardized weights: the norm of a kernel instead of a signal."""

import torch

from steadygrad.normalization.validate import several

DEPTHWISE = "a kernel of fan-in 1 would always be 0; leave this layer out"


def standardized_weight(weight: torch.Tensor, eps: float = 1e-5, *, outside: bool = False) -> torch.Tensor:
    """(w − mean)/√(var + eps) per output unit (axis 0), biased variance; outside=True: (w − mean)/(std + eps), unbiased.

    The two conventions are those of Kolesnikov et al. / timm and of the authors' code; weights trained with one are not
    those of the other (√(n/(n − 1)) apart, and eps weighs differently). Use only before a norm: the scale is lost.

    Raises:
        InputError: fan-in 1 (a depthwise 1×1 kernel), which would give zeros.

    Source: Qiao et al. 2019, arXiv:1903.10520, eqs. 5-6.
    """
    flat = weight.flatten(1)
    several("standardized_weight", flat.shape[1], weight.shape, DEPTHWISE)
    centred = flat - flat.mean(1, keepdim=True)
    if outside:
        size = centred.square().sum(1, keepdim=True) / (flat.shape[1] - 1)
        return (centred / (_safe_sqrt(size) + eps)).view_as(weight)
    return (centred * (centred.square().mean(1, keepdim=True) + eps).rsqrt()).view_as(weight)


def scaled_standardized_weight(weight: torch.Tensor, gain: torch.Tensor | None = None, gamma: float = 1.0, eps: float = 1e-4) -> torch.Tensor:
    """γ·g·(w − mean)/√max(var·fan_in, eps): a variance of γ²/fan_in per output unit, so the layer keeps σ² itself.

    γ makes up for the activation (√(2/(1 − 1/π)) for ReLU), `gain` g (out,) is learned. The bound is a maximum, as in the
    authors' code, not var + eps.

    Raises:
        InputError: fan-in 1.

    Source: Brock, De & Smith 2021, arXiv:2101.08692, eq. 1; Brock et al. 2021, arXiv:2102.06171, section 3.
    """
    flat = weight.flatten(1)
    several("scaled_standardized_weight", flat.shape[1], weight.shape, DEPTHWISE)
    centred = flat - flat.mean(1, keepdim=True)
    scaled = gamma * centred * centred.square().sum(1, keepdim=True).clamp(min=eps).rsqrt()
    return (scaled if gain is None else scaled * gain.view(-1, 1)).view_as(weight)


def _safe_sqrt(x: torch.Tensor) -> torch.Tensor:
    """√x whose gradient at 0 is 0, not infinite."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1.0).sqrt(), 0.0)
