"""The four networks of `check_overhead.py`, small enough for one core: many thin layers, few tiny ones, convolutions, attention."""

import torch
from torch import nn

from steadygrad.case import Case


class Block(nn.Module):
    """Two 3×3 convolutions with a shortcut, as in ResNet-18."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm_one, self.norm_two = nn.BatchNorm2d(outside), nn.BatchNorm2d(outside)
        self.short = nn.Conv2d(inside, outside, 1, stride, bias=False) if stride > 1 or inside != outside else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm_two(self.two(self.norm_one(self.one(x)).relu()))
        return (y + self.short(x)).relu()


class Gpt(nn.Module):
    """Six pre-norm blocks of width 384."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.place = nn.Embedding(65, 384), nn.Parameter(torch.zeros(64, 384))
        layer = nn.TransformerEncoderLayer(384, 6, 1536, dropout=0.0, batch_first=True, norm_first=True, activation="gelu")
        self.blocks, self.head = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), nn.Linear(384, 65)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.table(ids) + self.place)).transpose(1, 2)


def mlp() -> Case:
    """Fifty layers of 512 units: as many bytes of weights as of anything else, and little work per byte."""
    net = nn.Sequential(*[m for _ in range(50) for m in (nn.Linear(512, 512), nn.ReLU())], nn.Linear(512, 10))
    return Case(net, torch.randn(64, 512), torch.randint(0, 10, (64,)), nn.functional.cross_entropy)


def lenet() -> Case:
    """Few layers that take tens of microseconds each."""
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    return Case(net, torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)), nn.functional.cross_entropy)


def resnet() -> Case:
    """The eight blocks of ResNet-18 at half its width, on 32×32 images."""
    blocks = [Block(32, 32, 1), Block(32, 32, 1), Block(32, 64, 2), Block(64, 64, 1), Block(64, 128, 2), Block(128, 128, 1), Block(128, 256, 2), Block(256, 256, 1)]
    net = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))
    return Case(net, torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,)), nn.functional.cross_entropy)


def gpt() -> Case:
    """Eight sequences of 64 tokens."""
    return Case(Gpt(), torch.randint(0, 65, (8, 64)), torch.randint(0, 65, (8, 64)), nn.functional.cross_entropy)


NETWORKS = {"MLP 50×512": mlp, "LeNet": lenet, "ResNet-18-like": resnet, "GPT 6×384": gpt}


def case_of(name: str) -> Case:
    """The network of that name, with a batch; always the same numbers."""
    torch.manual_seed(0)
    return NETWORKS[name]()
