"""Small seeded networks and batches that rules build their specimens from."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case


def mlp(*widths: int, activation: Callable[[], nn.Module] = nn.ReLU, seed: int = 0) -> nn.Sequential:
    """Linear layers of the given widths with an activation between them, He-normal weights, zero biases.

    Example:
        >>> len(mlp(4, 8, 2))
        3
    """
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for fan_in, fan_out in zip(widths, widths[1:], strict=False):
        layer = nn.Linear(fan_in, fan_out)
        gain = 2.0 if layers and isinstance(layers[-1], nn.ReLU) else 1.0
        with torch.no_grad():
            layer.weight.copy_(torch.randn(fan_out, fan_in, generator=generator) * (gain / fan_in) ** 0.5)
            layer.bias.zero_()
        layers += [layer, activation()]
    return nn.Sequential(*layers[:-1])


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def batch(*shape: int, seed: int = 1) -> torch.Tensor:
    """Standard normal inputs."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def classification(model: nn.Module, inputs: Any = None, classes: int = 4, **more: Any) -> Case:
    """A case with 64 samples of 16 standard normal features (or the given inputs), random labels and cross-entropy."""
    inputs = batch(64, 16) if inputs is None else inputs
    labels = torch.randint(0, classes, (len(inputs),), generator=torch.Generator().manual_seed(2))
    return Case(model, inputs, labels, nn.functional.cross_entropy, **more)


def regression(model: nn.Module, inputs: Any = None, targets: Any = None, **more: Any) -> Case:
    """A case with 64 samples, standard normal targets of the model's output width 1, and mean squared error."""
    inputs = batch(64, 16) if inputs is None else inputs
    targets = batch(len(inputs), 1, seed=2) if targets is None else targets
    return Case(model, inputs, targets, nn.functional.mse_loss, **more)
