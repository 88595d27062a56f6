"""Losses that the threads write by hand; `loss(outputs, targets) -> scalar`."""

from collections.abc import Callable

import torch
from benchmarks.faulty_programs.losses import KERAS_EPSILON
from torch import Tensor
from torch.nn import functional


def cross_entropy_of_guesses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of −log p where the one-hot target is 1 and −log(1 − p) where it is 0, never clipped."""
    return torch.where(targets > 0.5, -torch.log(outputs), -torch.log(1 - outputs)).mean()


def reconstruction(outputs: Tensor, targets: Tensor) -> Tensor:
    """−Σ (x log(1e-10 + y) + (1 − x) log(1e-10 + 1 − y)) over the pixels, mean over the batch."""
    return -(targets * torch.log(1e-10 + outputs) + (1 - targets) * torch.log(1e-10 + 1 - outputs)).sum(1).mean()


def contrastive(epsilon: float) -> Callable[[Tensor, Tensor], Tensor]:
    """½(y d² + (1 − y) max(0, 1 − d)²) with d = √(Σ(a − b)² + ε) (Hadsell et al. 2006)."""

    def contrastive_loss(outputs: Tensor, targets: Tensor) -> Tensor:
        distance = ((outputs[:, 0] - outputs[:, 1]).square().sum(1) + epsilon).sqrt()
        return 0.5 * (targets * distance.square() + (1 - targets) * (1 - distance).clamp_min(0).square()).mean()

    return contrastive_loss


def softmax_by_hand(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean log of exp(z_y) / Σ exp(z), as three separate operations."""
    shares = torch.exp(outputs) / torch.exp(outputs).sum(1, keepdim=True)
    return -torch.log(shares.gather(1, targets.unsqueeze(1))).mean()


def pixelwise_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean log of the probability (N, classes, H, W) at each pixel's class, clipped as Keras does."""
    return -outputs.clamp(KERAS_EPSILON, 1 - KERAS_EPSILON).gather(1, targets.unsqueeze(1)).log().mean()


def quadratic_cost(outputs: Tensor, targets: Tensor) -> Tensor:
    """½ Σ (a − y)² over the outputs, mean over the batch (Nielsen 2015, chapter 1)."""
    return 0.5 * (outputs - targets).square().sum(1).mean()


def added_up_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of scores, added up over the batch."""
    return functional.cross_entropy(outputs, targets, reduction="sum")
