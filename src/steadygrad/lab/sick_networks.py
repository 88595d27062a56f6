"""The chapters' networks that do not train, each with the learning rate it is tried with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class SickNetwork:
    """One sick network: how it is built, the learning rates it is trained with before and after, and what the chapters say of it."""

    name: str
    story: str
    build: Callable[[], nn.Sequential]
    rate: float
    repaired_rate: float


def plain(depth: int, width: int, activation: type[nn.Module]) -> nn.Sequential:
    """64 → width × depth → 10, torch's default weights, zero biases."""
    layers: list[nn.Module] = []
    for index in range(depth):
        layers += [nn.Linear(64 if index == 0 else width, width), activation()]
    network = nn.Sequential(*layers, nn.Linear(width, 10))
    for layer in linear_layers(network):
        nn.init.zeros_(layer.bias)
    return network


def linear_layers(network: nn.Module) -> list[nn.Linear]:
    """All linear layers in order."""
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]


def small_sigmoid() -> nn.Sequential:
    """20 sigmoid layers, N(0, 0.01²)."""
    return _filled(plain(20, 64, nn.Sigmoid), lambda weight: nn.init.normal_(weight, std=0.01))


def constant() -> nn.Sequential:
    """Two hidden tanh layers, every weight 0.05."""
    return _filled(plain(2, 64, nn.Tanh), lambda weight: nn.init.constant_(weight, 0.05))


def large_weights() -> nn.Sequential:
    """10 tanh layers, N(0, 1): σ_w = 8."""
    return _filled(plain(10, 64, nn.Tanh), lambda weight: nn.init.normal_(weight, std=1.0))


def small_relu() -> nn.Sequential:
    """50 ReLU layers, a third of He's standard deviation; 128 wide, because e^(5·depth/width) is the spread of its norms."""
    return _filled(plain(50, 128, nn.ReLU), lambda weight: nn.init.normal_(weight, std=(2.0 / weight.shape[1]) ** 0.5 / 3.0))


def _filled(network: nn.Sequential, fill: Callable[[torch.Tensor], torch.Tensor]) -> nn.Sequential:
    for layer in linear_layers(network):
        fill(layer.weight)
    return network


SICK = (
    SickNetwork("20-layer sigmoid network, N(0, 0.01²)", "The gradient is a product of twenty factors far below 1/4.", small_sigmoid, 0.05, 0.05),
    SickNetwork("constant initialization", "All units of a layer are copies and stay copies.", constant, 0.1, 0.05),
    SickNetwork("large weights, large learning rate", "Saturated units and gradients that explode.", large_weights, 0.5, 0.02),
    SickNetwork("50-layer ReLU network, weights too small", "The signal shrinks threefold per layer until nothing is left.", small_relu, 0.001, 0.001),
)
