"""Normalization layers."""

from steadygrad.normalization.layers.batch_norm import BatchNorm
from steadygrad.normalization.layers.batch_renorm import BatchRenorm
from steadygrad.normalization.layers.ghost import GhostBatchNorm
from steadygrad.normalization.layers.lazy import LazyBatchNorm, LazyBatchRenorm, LazyGhostBatchNorm, LazySyncBatchNorm
from steadygrad.normalization.layers.synchronized import SyncBatchNorm

__all__ = [
    "BatchNorm",
    "BatchRenorm",
    "GhostBatchNorm",
    "LazyBatchNorm",
    "LazyBatchRenorm",
    "LazyGhostBatchNorm",
    "LazySyncBatchNorm",
    "SyncBatchNorm",
]
