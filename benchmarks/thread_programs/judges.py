"""Scores that grow with quality, where those of the real collection do not fit; `judge(outputs, truth) -> float`."""

from torch import Tensor


def accuracy_along(outputs: Tensor, truth: Tensor) -> float:
    """Scores (N, classes, …) against classes (N, …)."""
    return (outputs.argmax(1) == truth).double().mean().item()


def accuracy_of_distances(outputs: Tensor, truth: Tensor) -> float:
    """Embeddings (N, 2, d): the same class where they are closer than half a margin of 1."""
    near = (outputs[:, 0] - outputs[:, 1]).norm(dim=1) < 0.5
    return (near == (truth > 0.5)).double().mean().item()


def accuracy_of_one_number(outputs: Tensor, truth: Tensor) -> float:
    """The nearest class of a single output (N, 1)."""
    return (outputs.round() == truth).double().mean().item()
