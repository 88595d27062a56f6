"""The math of normalization, without bookkeeping: tensors in, tensors out."""

from steadygrad.normalization.functional.batch import batch_norm, chapter_batch_norm, scale_and_shift, standardize
from steadygrad.normalization.functional.batch_renorm import batch_renorm_correction
from steadygrad.normalization.functional.conventions import convert_momentum, convert_variance
from steadygrad.normalization.functional.evo import evo_norm_b0, evo_norm_s0
from steadygrad.normalization.functional.moments import Moments
from steadygrad.normalization.functional.probability import batch_quantiles, probability_transform, through_quantiles
from steadygrad.normalization.functional.sample import (
    dynamic_erf,
    dynamic_tanh,
    filter_response_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
    scale_norm,
)
from steadygrad.normalization.functional.weight import scaled_standardized_weight, standardized_weight
from steadygrad.normalization.functional.whitening import inverse_root, iterative_whitening, oracle_shrinkage, shrunk

__all__ = [
    "Moments",
    "batch_norm",
    "batch_quantiles",
    "batch_renorm_correction",
    "chapter_batch_norm",
    "convert_momentum",
    "convert_variance",
    "dynamic_erf",
    "dynamic_tanh",
    "evo_norm_b0",
    "evo_norm_s0",
    "filter_response_norm",
    "group_norm",
    "instance_norm",
    "inverse_root",
    "iterative_whitening",
    "layer_norm",
    "oracle_shrinkage",
    "probability_transform",
    "rms_norm",
    "scale_and_shift",
    "scale_norm",
    "scaled_standardized_weight",
    "shrunk",
    "standardize",
    "standardized_weight",
    "through_quantiles",
]
