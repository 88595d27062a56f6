"""Norms by statistics of one sample: group, instance, layer, RMS, scale, filter response, dynamic tanh and erf."""

import torch
from torch.nn import functional as F

from steadygrad.normalization.functional.batch import scale_and_shift
from steadygrad.normalization.functional.moments import along_channels
from steadygrad.normalization.validate import divides, floating, last, positive, several, signal

SMALL = "use fewer groups, a larger map, or BatchNorm"
SIGN = "x/|x| would keep the sign only; drop the norm"


def group_norm(x: torch.Tensor, groups: int, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5) -> torch.Tensor:
    """(x − μ)/√(σ² + eps) over each sample's C/groups channels and all positions, then γ, β per channel; x (N, C, …).

    Raises:
        InputError: groups do not divide C; one value per group, which torch turns into silent zeros for N ≥ 2.

    Source: Wu & He 2018, arXiv:1803.08494, eqs. 1-3.
    """
    signal("group_norm", x, None if weight is None else weight.numel())
    positive("group_norm", "eps", eps)
    per_group = divides("group_norm", groups, x.shape[1])
    several("group_norm", per_group * x.shape[2:].numel(), x.shape, SMALL)
    return F.group_norm(x, groups, weight, bias, eps)


def instance_norm(x: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5) -> torch.Tensor:
    """(x − μ)/√(σ² + eps) over the positions of each sample and channel; x (N, C, L) to (N, C, D, H, W).

    Raises:
        InputError: one position per channel.

    Source: Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022, eq. 2.
    """
    signal("instance_norm", x, None if weight is None else weight.numel(), range(3, 6))
    positive("instance_norm", "eps", eps)
    several("instance_norm", x.shape[2:].numel(), x.shape, SMALL)
    return F.group_norm(x, x.shape[1], weight, bias, eps)


def layer_norm(
    x: torch.Tensor, shape: tuple[int, ...], weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5
) -> torch.Tensor:
    """(x − μ)/√(σ² + eps) over the last axes, of shape `shape`.

    LN(a·x) = LN(x) for a > 0 as long as eps ≪ σ².

    Raises:
        InputError: the last axes are not `shape`; one feature, whose output would always be β.

    Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 3.
    """
    positive("layer_norm", "eps", eps)
    several("layer_norm", last("layer_norm", x, shape), x.shape, "normalize more axes, or drop the norm")
    return F.layer_norm(x, shape, weight, bias, eps)


def rms_norm(x: torch.Tensor, shape: tuple[int, ...], weight: torch.Tensor | None = None, eps: float = 1e-5) -> torch.Tensor:
    """g·x/√(mean x² + eps) over the last axes; mean, quotient and g in float32 for half inputs, one rounding at the end.

    The order matters in half precision: rounding before g is what some libraries do, and differs in the last bit.

    Raises:
        InputError: the last axes are not `shape`; one feature, of which only the sign would be left; eps ≤ 0.

    Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4 (with eps inside the root).
    """
    positive("rms_norm", "eps", eps)
    several("rms_norm", last("rms_norm", x, shape), x.shape, SIGN)
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    axes = tuple(range(-len(shape), 0))
    y = wide * (wide.square().mean(axes, keepdim=True) + eps).rsqrt()
    return (y if weight is None else y * weight).to(x.dtype)


def scale_norm(x: torch.Tensor, weight: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """g·x/max(‖x‖, eps) over the last axis, one scalar g; x = 0 gives 0, gradient g/eps.

    Raises:
        InputError: one feature, of which only the sign would be left; eps ≤ 0.

    Source: Nguyen & Salazar 2019, arXiv:1910.05895, eq. 5.
    """
    positive("scale_norm", "eps", eps)
    floating("scale_norm", x)
    several("scale_norm", x.shape[-1] if x.ndim else 1, x.shape, SIGN)
    return weight * x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=eps)


def filter_response_norm(
    x: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None,
    threshold: torch.Tensor | None = None, eps: torch.Tensor | float = 1e-6,
) -> torch.Tensor:  # fmt: skip
    """max(γ·x/√(ν² + |eps|) + β, τ) with ν² = mean of x² over positions; per sample and channel, x (N, C, L) and up.

    `threshold` τ (the thresholded linear unit) replaces the activation; None leaves it out.

    Raises:
        InputError: one position per channel: x/|x| would keep the sign only.

    Source: Singh & Krishnan 2019, arXiv:1911.09737, eqs. 1-4 (the learned eps enters by its absolute value).
    """
    signal("filter_response_norm", x, None if weight is None else weight.numel(), range(3, 6))
    several("filter_response_norm", x.shape[2:].numel(), x.shape, "with 1×1 maps x/|x| keeps the sign only; use GroupNorm or RMSNorm")
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    size = along_channels(eps.abs(), x) if isinstance(eps, torch.Tensor) else positive("filter_response_norm", "eps", eps)
    nu2 = wide.square().mean(tuple(range(2, x.ndim)), keepdim=True)
    y = scale_and_shift(wide * (nu2 + size).rsqrt(), weight, bias)
    return (y if threshold is None else torch.maximum(y, along_channels(threshold, x))).to(x.dtype)


def dynamic_tanh(x: torch.Tensor, alpha: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None) -> torch.Tensor:
    """γ·tanh(α·x) + β: no statistics at all; γ, β broadcast from the right (features last). Does not replace batch norm.

    Raises:
        InputError: a non-floating input.

    Source: Zhu et al. 2025, arXiv:2503.10622, eq. 1.
    """
    floating("dynamic_tanh", x)
    return _affine(torch.tanh(alpha * x), weight, bias)


def dynamic_erf(
    x: torch.Tensor, alpha: torch.Tensor, shift: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """γ·erf(α·x + s) + β.

    Raises:
        InputError: a non-floating input.

    Source: arXiv:2512.10938 (Derf).
    """
    floating("dynamic_erf", x)
    return _affine(torch.erf(alpha * x + shift), weight, bias)


def _affine(y: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias
