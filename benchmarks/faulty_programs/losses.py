"""Losses as Keras, TensorFlow and hand-written code compute them; `loss(outputs, targets) -> scalar`."""

import torch
from torch import Tensor, nn
from torch.nn import functional

KERAS_EPSILON = 1e-7  # Keras clips probabilities here; without it a rebuild turns NaN sooner than the original

logits_cross_entropy = functional.cross_entropy
logits_binary_cross_entropy = functional.binary_cross_entropy_with_logits
mean_squared_error = functional.mse_loss
mean_absolute_error = functional.l1_loss


def cross_entropy_of_probabilities(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean log p_target of outputs divided by their sum and clipped; targets are class indices."""
    probabilities = outputs / outputs.sum(-1, keepdim=True)
    clipped = probabilities.clamp(KERAS_EPSILON, 1 - KERAS_EPSILON)
    return -clipped.gather(-1, targets.unsqueeze(-1)).log().mean()


def cross_entropy_as_given(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean log of the output at the target, clipped from below, never divided by the sum over classes."""
    return -outputs.clamp_min(KERAS_EPSILON).gather(-1, targets.unsqueeze(-1)).log().mean()


def binary_cross_entropy_of_probabilities(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean(y log p + (1−y) log(1−p)) with p clipped."""
    clipped = outputs.clamp(KERAS_EPSILON, 1 - KERAS_EPSILON)
    return -(targets * clipped.log() + (1 - targets) * (1 - clipped).log()).mean()


def summed_logits_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy added up over the batch instead of averaged."""
    return functional.cross_entropy(outputs, targets, reduction="sum")


def unclipped_binary_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """−mean(y log p + (1−y) log(1−p)) written by hand: infinite at p = 0 or 1, and 0·∞ = NaN."""
    return -(targets * torch.log(outputs) + (1 - targets) * torch.log(1 - outputs)).mean()


def unclipped_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch of Σ_c onehot·(−log softmax) written by hand; targets are one-hot."""
    return (targets * -torch.log(torch.softmax(outputs, 1))).sum(1).mean()


def log_softmax_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same mean taken from `log_softmax`, which cannot take the log of zero."""
    return (targets * -torch.log_softmax(outputs, 1)).sum(1).mean()


def one_hot_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared difference between probabilities and one-hot classes; targets are class indices."""
    return functional.mse_loss(outputs, functional.one_hot(targets, outputs.shape[-1]).to(outputs))


def softmax_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared difference between softmax(logits) and one-hot classes; targets are class indices."""
    return one_hot_squared_error(nn.functional.softmax(outputs, -1), targets)
