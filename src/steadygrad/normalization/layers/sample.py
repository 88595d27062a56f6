"""Layers that normalize each sample by itself; the same in train and eval mode."""

from typing import Any

import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.normalization.functional import sample
from steadygrad.normalization.validate import divides, last, positive, signal


class GroupNorm(nn.GroupNorm):
    """`torch.nn.GroupNorm` whose groups of one value are an error, not zeros. See `functional.group_norm`."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, **settings: Any) -> None:
        divides("GroupNorm", num_groups, num_channels)
        super().__init__(num_groups, num_channels, positive("GroupNorm", "eps", eps), affine, **settings)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize (N, C, …)."""
        signal(f"GroupNorm({self.num_groups}, {self.num_channels})", input, self.num_channels)
        return sample.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


class InstanceNorm(nn.Module):
    """Each sample and channel over its positions, for (N, C, L) to (N, C, D, H, W); names as torch's InstanceNorm1d … 3d.

    See `functional.instance_norm`. Statistics are never tracked: with them it would be another function in eval mode.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False, *, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_features, self.eps = num_features, positive("InstanceNorm", "eps", eps)
        self.weight = nn.Parameter(torch.ones(num_features, device=device, dtype=dtype)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features, device=device, dtype=dtype)) if affine else None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize (N, C, …)."""
        signal(f"InstanceNorm({self.num_features})", input, self.num_features, range(3, 6))
        return sample.instance_norm(input, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Size and settings."""
        return f"{self.num_features}, eps={self.eps}, affine={self.weight is not None}"


class LayerNorm(nn.LayerNorm):
    """`torch.nn.LayerNorm` that refuses a single feature and names the shape it wants. See `functional.layer_norm`."""

    def __init__(self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5, elementwise_affine: bool = True, **settings: Any) -> None:
        super().__init__(normalized_shape, positive("LayerNorm", "eps", eps), elementwise_affine, **settings)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize the last axes."""
        return sample.layer_norm(input, tuple(self.normalized_shape), self.weight, self.bias, self.eps)


class RMSNorm(nn.RMSNorm):
    """`torch.nn.RMSNorm` computed in float32 for half inputs, rounded once; eps is a number, 1e-5 unless given."""

    def __init__(self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5, elementwise_affine: bool = True, **settings: Any) -> None:
        super().__init__(normalized_shape, positive("RMSNorm", "eps", eps), elementwise_affine, **settings)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize the last axes."""
        return sample.rms_norm(x, tuple(self.normalized_shape), self.weight, self.eps or 1e-5)


class ScaleNorm(nn.Module):
    """g·x/‖x‖ over the last axis, one scalar g, √features at the start. See `functional.scale_norm`."""

    def __init__(self, features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = positive("ScaleNorm", "eps", eps)
        self.weight = nn.Parameter(torch.tensor(float(features) ** 0.5))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize the last axis."""
        return sample.scale_norm(input, self.weight, self.eps)


class FilterResponseNorm(nn.Module):
    """Filter response normalization with its thresholded linear unit; contains its activation. For (N, C, L) and up.

    `learned_eps` starts at `eps` and is learned by its absolute value, as the paper advises where maps may be small.
    See `functional.filter_response_norm`.
    """

    def __init__(self, channels: int, eps: float = 1e-6, *, threshold: bool = True, learned_eps: bool = False) -> None:
        super().__init__()
        positive("FilterResponseNorm", "eps", eps)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.threshold = nn.Parameter(torch.zeros(channels)) if threshold else None
        self.eps: Any = nn.Parameter(torch.full((channels,), eps)) if learned_eps else eps

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize (N, C, …) over positions."""
        return sample.filter_response_norm(input, self.weight, self.bias, self.threshold, self.eps)


class DynamicTanh(nn.Module):
    """γ·tanh(α·x) + β on the last axis (or axis 1 with channels_first), α scalar. Names as the authors'.

    See `functional.dynamic_tanh`. Meant for layer norm's places in transformers; it does not replace batch norm.
    """

    def __init__(self, features: int, alpha: float = 0.5, *, channels_first: bool = False) -> None:
        super().__init__()
        if not (isinstance(alpha, int | float) and 0 < alpha < float("inf")):
            raise InputError(f"{type(self).__name__}: `alpha` must be a finite number > 0, got {alpha!r}; 0.5 is usual")
        self.channels_first = channels_first
        self.alpha = nn.Parameter(torch.tensor([float(alpha)]))
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Squash and scale."""
        if self.channels_first:
            signal(f"{type(self).__name__}({len(self.weight)}, channels_first=True)", input, len(self.weight), range(2, 64))
        else:
            last(f"{type(self).__name__}({len(self.weight)})", input, (len(self.weight),))
        shape = (-1, *(1,) * (input.ndim - 2)) if self.channels_first else (-1,)
        return self._squash(input, self.weight.view(shape), self.bias.view(shape))

    def _squash(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return sample.dynamic_tanh(x, self.alpha, weight, bias)


class DynamicErf(DynamicTanh):
    """γ·erf(α·x + s) + β, α and s scalars. See `functional.dynamic_erf`."""

    def __init__(self, features: int, alpha: float = 0.5, *, channels_first: bool = False) -> None:
        super().__init__(features, alpha, channels_first=channels_first)
        self.shift = nn.Parameter(torch.zeros(1))

    def _squash(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return sample.dynamic_erf(x, self.alpha, self.shift, weight, bias)
