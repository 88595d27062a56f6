"""Small trainings: a loop, accuracy, and what guessing reaches."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import Optimizer

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
BATCH = 128


def train(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: Optimizer, steps: int, *,
    batch: int = BATCH, loss: Loss = nn.functional.cross_entropy, seed: int = 1, each: Callable[[], object] = lambda: None,
) -> list[float]:  # fmt: skip
    """Losses of `steps` steps on random batches (the whole set where `batch` is 0), the last before the final step; ends at one that is not finite.

    `each` is called between the backward pass and the step: clipping, or a look at gradients.
    """
    generator = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    for _ in range(steps):
        rows = torch.randint(0, len(x), (batch,), generator=generator) if batch else slice(None)
        value = loss(model(x[rows]), y[rows])
        losses.append(float(value.detach()))
        if not math.isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        value.backward()
        each()
        optimizer.step()
    return losses


@torch.no_grad()
def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of x whose largest output is at its label, the model in eval mode."""
    was = model.training
    model.eval()
    right = float((model(x).argmax(1) == y).double().mean())
    model.train(was)
    return right


def guessing(labels: torch.Tensor) -> float:
    """The best accuracy of an answer that does not look: the share of the commonest label."""
    return float(labels.bincount().max()) / len(labels)


def guess_error(labels: torch.Tensor, sigmas: float = 4.0) -> float:
    """`sigmas` standard deviations of a guesser's accuracy on this many labels: √(p(1 − p)/n)."""
    p = guessing(labels)
    return sigmas * math.sqrt(p * (1.0 - p) / len(labels))


def smooth(losses: list[float], over: int = 10) -> list[float]:
    """Means over a window that ends at each step."""
    return [math.fsum(losses[max(k - over + 1, 0) : k + 1]) / (k + 1 - max(k - over + 1, 0)) for k in range(len(losses))]
