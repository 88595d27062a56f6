"""Losses that these threads use and the other collections have not; `loss(outputs, targets) -> scalar`."""

from benchmarks.faulty_programs.losses import KERAS_EPSILON
from torch import Tensor


def categorical_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean Σ y log p over columns, p divided by its sum and clipped as Keras does; a single column counts as one class."""
    probabilities = (outputs / outputs.sum(1, keepdim=True)).clamp(KERAS_EPSILON, 1 - KERAS_EPSILON)
    return -(targets * probabilities.log()).sum(1).mean()


def sum_of_squares(outputs: Tensor, targets: Tensor) -> Tensor:
    """Σ (output − target)² over the batch."""
    return (outputs - targets).square().sum()
