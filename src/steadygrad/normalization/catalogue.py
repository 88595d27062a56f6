"""One line per norm: how to build it, what it normalizes over, and its definition in NumPy."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from steadygrad.normalization import definitions as d
from steadygrad.normalization import layers as L
from steadygrad.registry import Catalogue


@dataclass(frozen=True)
class Norm:
    """A normalization and what its contract test must know.

    Attributes:
        name: how it is looked up.
        build: (channels, **settings) → layer, with the settings of its class.
        define: (x, state) → y in float64 NumPy, train mode, of that very layer.
        axes: axes of x that share a statistic ("batch", "channels", "group", "positions", "features", "none").
        scale_free: the axes over which x ↦ a·x leaves y as it is (up to eps).
        two_modes: train and eval mode differ.
        folds: eval mode is affine per channel, so it can be folded into a layer before it.
        features_last: features on the last axis; else on axis 1.
        positions: needs positions, (N, C, L) at least.
    """

    name: str
    build: Callable[..., nn.Module]
    define: d.Definition
    axes: tuple[str, ...]
    scale_free: bool = True
    two_modes: bool = False
    folds: bool = False
    features_last: bool = False
    positions: bool = False


BATCH = ("batch", "positions")
NORMS: Catalogue[Norm] = Catalogue(
    "norms",
    [
        Norm("batch", L.BatchNorm, d.batch_norm, BATCH, two_modes=True, folds=True),
        Norm("batch-mean-only", lambda c, **s: L.BatchNorm(c, normalize="mean", **s), d.mean_only, BATCH, scale_free=False, two_modes=True, folds=True),
        Norm("batch-variance-only", lambda c, **s: L.BatchNorm(c, normalize="variance", **s), d.variance_only, BATCH, two_modes=True, folds=True),
        Norm("ghost-batch", lambda c, **s: L.GhostBatchNorm(c, virtual_batch=4, **s), d.ghost_norm, BATCH, two_modes=True, folds=True),
        Norm("batch-renorm", L.BatchRenorm, d.batch_norm, BATCH, two_modes=True, folds=True),
        Norm("sync-batch", L.SyncBatchNorm, d.batch_norm, BATCH, two_modes=True, folds=True),
        Norm("group", lambda c, **s: L.GroupNorm(2, c, **s), d.group_norm, ("group", "positions")),
        Norm("instance", lambda c, **s: L.InstanceNorm(c, affine=True, **s), d.instance_norm, ("positions",), positions=True),
        Norm("layer", L.LayerNorm, d.layer_norm, ("features",), features_last=True),
        Norm("rms", L.RMSNorm, d.rms_norm, ("features",), features_last=True),
        Norm("scale", L.ScaleNorm, d.scale_norm, ("features",), features_last=True),
        Norm("filter-response", L.FilterResponseNorm, d.filter_response_norm, ("positions",), positions=True),
        Norm("evo-b0", L.EvoNormB0, d.evo_b0, BATCH, two_modes=True, positions=True),
        Norm("evo-s0", lambda c, **s: L.EvoNormS0(c, groups=2, **s), d.evo_s0, ("group", "positions"), scale_free=False),
        Norm("dynamic-tanh", L.DynamicTanh, d.dynamic_tanh, ("none",), scale_free=False, features_last=True),
        Norm("dynamic-erf", L.DynamicErf, d.dynamic_erf, ("none",), scale_free=False, features_last=True),
        Norm("whitening", lambda c, **s: L.IterativeWhitening(c, steps=20, **s), d.whitening, ("batch", "channels", "positions"), two_modes=True),
        Norm("probability", lambda c, **s: L.ProbabilityNorm(c, "uniform", **s), d.probability, BATCH, two_modes=True),
    ],
)
