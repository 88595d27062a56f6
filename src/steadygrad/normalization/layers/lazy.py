"""Batch norms that learn their number of channels from the first input."""

from typing import Any

import torch
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from steadygrad.normalization.layers.batch_norm import BatchNorm
from steadygrad.normalization.layers.batch_renorm import BatchRenorm
from steadygrad.normalization.layers.ghost import GhostBatchNorm
from steadygrad.normalization.layers.synchronized import SyncBatchNorm
from steadygrad.normalization.validate import signal


class _Lazy(LazyModuleMixin):
    """Takes the settings of the layer it becomes, without num_features; build the optimizer after the first forward."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(0, **settings)
        for name in ("weight", "bias"):
            if getattr(self, name) is not None:
                setattr(self, name, UninitializedParameter(device=settings.get("device"), dtype=settings.get("dtype")))
        for name in ("running_mean", "running_var"):
            if getattr(self, name) is not None:
                setattr(self, name, UninitializedBuffer(device=settings.get("device"), dtype=settings.get("dtype")))

    def reset_parameters(self) -> None:
        """Nothing to reset before shapes are known."""
        if self.num_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: torch.Tensor) -> None:
        """Take the number of channels from axis 1 of `input`."""
        signal(type(self).__name__, input)
        self.num_features = int(input.shape[1])
        if self.has_uninitialized_params():
            for tensor in (self.weight, self.bias, self.running_mean, self.running_var):
                if tensor is not None:
                    tensor.materialize((self.num_features,))
            super().reset_parameters()


class LazyBatchNorm(_Lazy, BatchNorm):
    """BatchNorm without num_features; becomes a BatchNorm at the first forward."""

    cls_to_become = BatchNorm


class LazyGhostBatchNorm(_Lazy, GhostBatchNorm):
    """GhostBatchNorm without num_features."""

    cls_to_become = GhostBatchNorm


class LazyBatchRenorm(_Lazy, BatchRenorm):
    """BatchRenorm without num_features."""

    cls_to_become = BatchRenorm


class LazySyncBatchNorm(_Lazy, SyncBatchNorm):
    """SyncBatchNorm without num_features."""

    cls_to_become = SyncBatchNorm
