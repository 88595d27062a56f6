"""Trainings whose model has two inputs or two outputs."""

import torch
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.program import Setting, accuracy_of_logits
from benchmarks.injected_faults import data
from benchmarks.injected_faults.base import base
from benchmarks.injected_faults.bases.dense import layers
from torch import Tensor, nn
from torch.optim import Adam


class _Siamese(nn.Module):
    """One network for both pictures; the logit falls with the distance of what it makes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = layers(64, 64, 16)
        self.head = nn.Linear(16, 1)

    def forward(self, pair: Tensor) -> Tensor:
        left, right = self.twin(pair[:, 0]), self.twin(pair[:, 1])
        return self.head((left - right).abs())


@base("siamese", "binary", 0.50, steps=200)
def _siamese() -> Setting:
    loss = losses.logits_binary_cross_entropy
    return Setting(_Siamese, data.same_digit, loss, lambda m: Adam(m.parameters(), 5e-3), 64, accuracy_of_logits)


class _TwoHeads(nn.Module):
    """A shared trunk; ten scores and one value, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.act = layers(64, 64, 48), nn.SiLU()
        self.figure, self.ink = nn.Linear(48, 10), nn.Linear(48, 1)

    def forward(self, x: Tensor) -> Tensor:
        shared = self.act(self.trunk(x))
        return torch.cat([self.figure(shared), self.ink(shared)], 1)


def _both(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs[:, :10], targets[:, 0].long()) + nn.functional.mse_loss(outputs[:, 10], targets[:, 1])


def _figures(outputs: Tensor, truth: Tensor) -> float:
    return float((outputs[:, :10].argmax(1) == truth[:, 0]).double().mean())


@base("two-heads", "other", 0.10)
def _heads() -> Setting:
    return Setting(_TwoHeads, data.figure_and_ink, _both, lambda m: Adam(m.parameters(), 3e-3), 64, _figures)
