"""Convolutions and linear layers whose kernels are standardized; drop-in, with torch's names."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from steadygrad.normalization.functional.weight import scaled_standardized_weight, standardized_weight
from steadygrad.normalization.validate import positive


class _Standardized:
    """Uses `self.kernel()` where the plain layer uses its weight."""

    default_eps = 1e-5

    def __init__(self, *sizes: Any, eps: float | None = None, **settings: Any) -> None:
        super().__init__(*sizes, **settings)
        self.eps = positive(type(self).__name__, "eps", self.default_eps if eps is None else eps)

    def kernel(self) -> torch.Tensor:
        """(w − mean)/√(var + eps) per output unit."""
        return standardized_weight(self.weight, self.eps)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The plain layer, with the standardized kernel."""
        if isinstance(self, nn.Linear):
            return F.linear(input, self.kernel(), self.bias)
        return self._conv_forward(input, self.kernel(), self.bias)


class _Scaled(_Standardized):
    """Variance γ²/fan_in and a learned gain per output unit."""

    default_eps = 1e-4

    def __init__(self, *sizes: Any, gamma: float = 1.0, eps: float | None = None, **settings: Any) -> None:
        super().__init__(*sizes, eps=eps, **settings)
        self.gamma = positive(type(self).__name__, "gamma", gamma)
        self.gain = nn.Parameter(torch.ones(self.weight.shape[0], device=self.weight.device, dtype=self.weight.dtype))

    def kernel(self) -> torch.Tensor:
        """γ·g·(w − mean)/√max(var·fan_in, eps) per output unit."""
        return scaled_standardized_weight(self.weight, self.gain, self.gamma, self.eps)


class WSConv1d(_Standardized, nn.Conv1d):
    """Conv1d with weight standardization; see `functional.standardized_weight`."""


class WSConv2d(_Standardized, nn.Conv2d):
    """Conv2d with weight standardization; see `functional.standardized_weight`."""


class WSConv3d(_Standardized, nn.Conv3d):
    """Conv3d with weight standardization; see `functional.standardized_weight`."""


class WSLinear(_Standardized, nn.Linear):
    """Linear with weight standardization; see `functional.standardized_weight`."""


class ScaledWSConv2d(_Scaled, nn.Conv2d):
    """Conv2d with scaled weight standardization; see `functional.scaled_standardized_weight`."""


class ScaledWSLinear(_Scaled, nn.Linear):
    """Linear with scaled weight standardization; see `functional.scaled_standardized_weight`."""
