"""Normalization layers."""

from steadygrad.normalization.layers.batch_norm import BatchNorm
from steadygrad.normalization.layers.batch_renorm import BatchRenorm
from steadygrad.normalization.layers.evo import EvoNormB0, EvoNormS0
from steadygrad.normalization.layers.ghost import GhostBatchNorm
from steadygrad.normalization.layers.lazy import LazyBatchNorm, LazyBatchRenorm, LazyGhostBatchNorm, LazySyncBatchNorm
from steadygrad.normalization.layers.probability import ProbabilityNorm
from steadygrad.normalization.layers.sample import (
    DynamicErf,
    DynamicTanh,
    FilterResponseNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
    ScaleNorm,
)
from steadygrad.normalization.layers.synchronized import SyncBatchNorm
from steadygrad.normalization.layers.weight import ScaledWSConv2d, ScaledWSLinear, WSConv1d, WSConv2d, WSConv3d, WSLinear
from steadygrad.normalization.layers.whitening import IterativeWhitening

__all__ = [
    "BatchNorm",
    "BatchRenorm",
    "DynamicErf",
    "DynamicTanh",
    "EvoNormB0",
    "EvoNormS0",
    "FilterResponseNorm",
    "GhostBatchNorm",
    "GroupNorm",
    "InstanceNorm",
    "IterativeWhitening",
    "LayerNorm",
    "LazyBatchNorm",
    "LazyBatchRenorm",
    "LazyGhostBatchNorm",
    "LazySyncBatchNorm",
    "ProbabilityNorm",
    "RMSNorm",
    "ScaleNorm",
    "ScaledWSConv2d",
    "ScaledWSLinear",
    "SyncBatchNorm",
    "WSConv1d",
    "WSConv2d",
    "WSConv3d",
    "WSLinear",
]
