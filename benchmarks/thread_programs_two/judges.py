"""Scores that grow with quality, where those of the other collections do not fit; `judge(outputs, truth) -> float`."""

from collections.abc import Callable
from functools import wraps

import torch
from benchmarks.faulty_programs.program import accuracy_of_scores, r_squared
from benchmarks.thread_programs_two.losses import squared_covariance
from torch import Tensor


def r_squared_of_first(columns: int) -> Callable[[Tensor, Tensor], float]:
    """R² of the first columns; the others are what the loss needs besides."""

    @wraps(r_squared)
    def judge(outputs: Tensor, truth: Tensor) -> float:
        return r_squared(outputs[:, :columns], truth)

    return judge


@wraps(r_squared)
def r_squared_of_columns(outputs: Tensor, truth: Tensor) -> float:
    """R² of outputs that may have lost their column."""
    return r_squared(outputs.reshape(truth.shape), truth)


@wraps(r_squared)
def r_squared_up_to_scale(outputs: Tensor, truth: Tensor) -> float:
    """R² of the best multiple of the outputs: what a loss that sees only correlations can reach."""
    share = (outputs * truth).sum() / outputs.square().sum().clamp_min(1e-12)
    return r_squared(share * outputs, truth)


@wraps(r_squared)
def r_squared_in_windows(outputs: Tensor, truth: Tensor) -> float:
    """R² of the best line from outputs to truth in each window of 5×5, mean over the windows where the truth is not flat."""
    above, below = squared_covariance(outputs, truth)
    _, own = squared_covariance(truth, truth)
    seen = own > 1e-6
    return (above[seen] / below[seen].clamp_min(1e-12)).mean().item()


def accuracy_of_first_scores(columns: int) -> Callable[[Tensor, Tensor], float]:
    """Accuracy of the first columns."""
    return lambda outputs, truth: accuracy_of_scores(outputs[:, :columns], truth)


def belief(outputs: Tensor, truth: Tensor) -> float:
    """The mean chance that the discriminator gives to generated samples of being real."""
    return torch.sigmoid(outputs).double().mean().item()
