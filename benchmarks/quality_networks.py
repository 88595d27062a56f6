"""Networks and data of the table of trained networks, at reduced widths."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from steadygrad.lab import fashion_mnist

Batch = tuple[torch.Tensor, torch.Tensor]


class Flat(nn.Module):
    """Images as vectors."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, 28, 28) to (B, 784)."""
        return x.flatten(1)


def chain(activation: type[nn.Module], depth: int, width: int = 100) -> nn.Module:
    """A plain network without norms or skips."""
    layers: list[nn.Module] = [Flat(), nn.Linear(784, width), activation()]
    for _ in range(depth - 2):
        layers += [nn.Linear(width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def convolutions(activation: type[nn.Module], depth: int = 50, width: int = 8) -> nn.Module:
    """A plain convolutional network without norms or skips, at 7 × 7."""
    layers: list[nn.Module] = [nn.Conv2d(1, width, 3, 2, 1), activation(), nn.Conv2d(width, width, 3, 2, 1), activation()]
    for _ in range(depth - 3):
        layers += [nn.Conv2d(width, width, 3, padding=1), activation()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(49 * width, 10))


def vgg() -> nn.Module:
    """VGG-19 without batch norm, an eighth as wide."""
    layers: list[nn.Module] = []
    channels = 1
    for width, count in ((8, 2), (16, 2), (32, 4), (64, 4), (64, 4)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


class Bare(nn.Module):
    """A residual network of pairs without norms, 8 to 32 channels."""

    def __init__(self, pairs: int = 18) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1, stride=2)
        self.pairs, self.shortcuts = nn.ModuleList(), nn.ModuleList()
        before = 8
        for stage, width in enumerate((8, 16, 32)):
            for i in range(pairs):
                step = 2 if stage and not i else 1
                self.pairs.append(nn.Sequential(nn.Conv2d(before, width, 3, step, 1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)))
                self.shortcuts.append(nn.Conv2d(before, width, 1, step) if before != width else nn.Identity())
                before = width
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        x = self.stem(x)
        for pair, shortcut in zip(self.pairs, self.shortcuts, strict=True):
            x = torch.relu(shortcut(x) + pair(x))
        return self.head(x.mean((2, 3)))


class Mixer(nn.Module):
    """MLP-Mixer of 8 blocks on 49 patches."""

    def __init__(self, width: int = 48, blocks: int = 8) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, width, 4, 4)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * blocks))
        self.tokens = nn.ModuleList(nn.Sequential(nn.Linear(49, 64), nn.GELU(), nn.Linear(64, 49)) for _ in range(blocks))
        self.channels = nn.ModuleList(nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        x = self.patch(x).flatten(2).transpose(1, 2)
        for i, (tokens, channels) in enumerate(zip(self.tokens, self.channels, strict=True)):
            x = x + tokens(self.norms[2 * i](x).transpose(1, 2)).transpose(1, 2)
            x = x + channels(self.norms[2 * i + 1](x))
        return self.head(self.norm(x).mean(1))


class PostNorm(nn.Module):
    """A language model of post-norm blocks, trained without warm-up."""

    def __init__(self, symbols: int, blocks: int = 24, width: int = 48, heads: int = 3, length: int = 48) -> None:
        super().__init__()
        self.table, self.places, self.heads = nn.Embedding(symbols, width), nn.Parameter(0.02 * torch.randn(1, length, width)), heads
        self.qkv, self.out = (nn.ModuleList(nn.Linear(width, n * width) for _ in range(blocks)) for n in (3, 1))
        self.up, self.down = (nn.ModuleList(nn.Linear(a * width, b * width) for _ in range(blocks)) for a, b in ((1, 4), (4, 1)))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * blocks))
        self.head = nn.Linear(width, symbols)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of the next symbol, (B, symbols, T)."""
        x = self.table(ids) + self.places
        for i in range(len(self.qkv)):
            q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.qkv[i](x).chunk(3, -1))
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
            x = self.norms[2 * i](x + self.out[i](attended))
            x = self.norms[2 * i + 1](x + self.down[i](F.relu(self.up[i](x))))
        return self.head(x).transpose(1, 2)


class CharLSTM(nn.Module):
    """One LSTM layer over symbols."""

    def __init__(self, symbols: int, width: int = 96) -> None:
        super().__init__()
        self.table, self.lstm, self.head = nn.Embedding(symbols, 32), nn.LSTM(32, width, batch_first=True), nn.Linear(width, symbols)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of the next symbol, (B, symbols, T)."""
        return self.head(self.lstm(self.table(ids))[0]).transpose(1, 2)


class Sine(nn.Module):
    """sin(30·x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Elementwise."""
        return torch.sin(30.0 * x)


def siren(width: int = 96) -> nn.Module:
    """Coordinates to brightness, by four hidden layers of sin(30·(W·x + b))."""
    layers: list[nn.Module] = [nn.Linear(2, width), Sine()]
    for _ in range(3):
        layers += [nn.Linear(width, width), Sine()]
    return nn.Sequential(*layers, nn.Linear(width, 1))


class Images:
    """Fashion-MNIST: 20,000 images to train on, 5,000 to choose by, 5,000 to report."""

    worst = 0.1
    loss = staticmethod(F.cross_entropy)

    def __init__(self) -> None:
        data = fashion_mnist.load()
        self.train = data.train_x[:20_000], data.train_y[:20_000]
        self.validation = data.train_x[-5_000:], data.train_y[-5_000:]
        self.test = data.test_x[:5_000], data.test_y[:5_000]

    def batches(self, seed: int, count: int) -> Iterator[Batch]:
        """The same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        for _ in range(count):
            chosen = torch.randint(len(self.train[0]), (64,), generator=generator)
            yield self.train[0][chosen], self.train[1][chosen]

    def score(self, model: nn.Module, which: str) -> float:
        """Accuracy."""
        x, y = getattr(self, which)
        return sum((model(a).argmax(1) == b).sum().item() for a, b in zip(x.split(500), y.split(500), strict=True)) / len(y)


class Text:
    """Tiny Shakespeare: the first 80 % to train on, a tenth each to choose by and to report."""

    worst = -math.inf
    loss = staticmethod(F.cross_entropy)

    def __init__(self, length: int = 48) -> None:
        text = Path(os.environ["STEADYGRAD_DATA"], "tiny-shakespeare", "input.txt").read_text()
        symbols = sorted(set(text))
        ids, self.symbols, self.length = torch.tensor([symbols.index(c) for c in text]), len(symbols), length
        a, b = int(0.8 * len(ids)), int(0.9 * len(ids))
        self.train, self.validation, self.test = ids[:a], ids[a:b], ids[b:]

    def _windows(self, ids: torch.Tensor, at: torch.Tensor) -> Batch:
        chosen = ids[at[:, None] + torch.arange(self.length + 1)]
        return chosen[:, :-1], chosen[:, 1:]

    def batches(self, seed: int, count: int) -> Iterator[Batch]:
        """The same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        for _ in range(count):
            yield self._windows(self.train, torch.randint(len(self.train) - self.length - 1, (24,), generator=generator))

    def score(self, model: nn.Module, which: str) -> float:
        """Minus the loss, in nat per symbol."""
        ids = getattr(self, which)
        x, y = self._windows(ids, torch.arange(0, len(ids) - self.length - 1, max(len(ids) // 200, 1)))
        return -F.cross_entropy(model(x), y).item()


class Picture:
    """Sixteen images of Fashion-MNIST as one of 112 × 112 pixels: 80 % of the pixels to train on, a tenth each to choose by and to report."""

    worst = -1.0
    loss = staticmethod(F.mse_loss)

    def __init__(self, images: Images, side: int = 4) -> None:
        tiles = images.train[0][: side * side].reshape(side, side, 28, 28)
        brightness = tiles.permute(0, 2, 1, 3).reshape(-1, 1)
        axis = torch.linspace(-1.0, 1.0, 28 * side)
        places = torch.cartesian_prod(axis, axis)
        order = torch.randperm(len(places), generator=torch.Generator().manual_seed(0))
        a, b = int(0.8 * len(order)), int(0.9 * len(order))
        self.train, self.validation, self.test = ((places[at], brightness[at]) for at in (order[:a], order[a:b], order[b:]))

    def batches(self, seed: int, count: int) -> Iterator[Batch]:
        """The same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        for _ in range(count):
            chosen = torch.randint(len(self.train[0]), (1024,), generator=generator)
            yield self.train[0][chosen], self.train[1][chosen]

    def score(self, model: nn.Module, which: str) -> float:
        """Minus the mean squared error."""
        x, y = getattr(self, which)
        return -F.mse_loss(model(x), y).item()
