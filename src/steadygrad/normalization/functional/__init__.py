"""The math of normalization, without bookkeeping: tensors in, tensors out."""

from steadygrad.normalization.functional.batch import batch_norm, chapter_batch_norm, scale_and_shift, standardize
from steadygrad.normalization.functional.batch_renorm import batch_renorm_correction
from steadygrad.normalization.functional.conventions import convert_momentum, convert_variance
from steadygrad.normalization.functional.moments import Moments

__all__ = [
    "Moments",
    "batch_norm",
    "batch_renorm_correction",
    "chapter_batch_norm",
    "convert_momentum",
    "convert_variance",
    "scale_and_shift",
    "standardize",
]
