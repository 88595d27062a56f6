"""Convolutional trainings."""

import torch
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.program import Setting
from benchmarks.injected_faults import data
from benchmarks.injected_faults.base import base
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW


@base("lenet", "classes", 0.10, steps=80)
def _lenet() -> Setting:
    def net() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10),
        )  # fmt: skip

    return Setting(net, data.digit_images, losses.logits_cross_entropy, lambda m: SGD(m.parameters(), 0.05, momentum=0.9), 64)


def _vgg(norm: bool) -> nn.Module:
    made: list[nn.Module] = []
    for i, (before, after) in enumerate(((3, 8), (8, 8), (8, 16), (16, 16), (16, 16), (16, 16))):
        conv = nn.Conv2d(before, after, 3, padding=1, bias=not norm)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu" if i else "linear")
        made += [conv, *([nn.BatchNorm2d(after)] if norm else []), nn.ReLU()]
        if i in (1, 3):
            made.append(nn.MaxPool2d(2))
    return nn.Sequential(*made, nn.Flatten(), nn.Linear(144, 10))


@base("vgg-plain", "classes", 0.10, steps=80)
def _plain() -> Setting:
    return Setting(lambda: _vgg(False), data.coloured_digits, losses.logits_cross_entropy, lambda m: Adam(m.parameters(), 2e-3), 48)


@base("vgg-norm", "classes", 0.10, steps=60)
def _norm() -> Setting:
    return Setting(lambda: _vgg(True), data.coloured_digits, losses.logits_cross_entropy, lambda m: SGD(m.parameters(), 0.05, momentum=0.9), 48)


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(x + self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x))))))


class _ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.relu = nn.Conv2d(3, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU()
        self.blocks = nn.Sequential(*(_Block(12) for _ in range(3)))
        self.head = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.relu(self.norm(self.stem(x)))).mean((2, 3)))


@base("resnet", "classes", 0.10, steps=80)
def _resnet() -> Setting:
    return Setting(_ResNet, data.coloured_digits, losses.logits_cross_entropy, lambda m: AdamW(m.parameters(), 5e-3), 48)


@base("conv1d-nll", "classes", 0.10)
def _conv1d() -> Setting:
    """A 1-d convolution over lines, scores through `nll_loss(log_softmax(…))`."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.head = nn.Conv1d(8, 24, 3, padding=1), nn.Conv1d(24, 24, 3, padding=1), nn.Linear(192, 10)
            self.act1, self.act2 = nn.LeakyReLU(), nn.LeakyReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.act2(self.second(self.act1(self.first(x)))).flatten(1))

    def loss(scores: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.nll_loss(torch.log_softmax(scores, -1), labels)

    return Setting(Net, data.digit_lines, loss, lambda m: Adam(m.parameters(), 2e-3), 64)
