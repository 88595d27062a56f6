"""Does a better start train better? One table: architectures × initializations, learning rate tuned alike for all.

    STEADYGRAD_DATA=data python benchmarks/init_quality.py --results benchmarks/results/init_quality.jsonl --table benchmarks/results/init_quality.md

Every combination trains for the same number of steps at each of the same learning rates, with paired seeds (the same batches in the same
order). The rate is chosen per combination by accuracy (or loss) on a validation split; the table gives that of the test split at that
rate, mean over seeds, and the 95 % interval of the paired difference to `auto`. Results are appended line by line; a killed run goes on.
Reduced widths; the data are Fashion-MNIST and Tiny Shakespeare, from the folder in STEADYGRAD_DATA.
"""

import argparse
import json
import math
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import steadygrad as sg
from steadygrad.errors import SteadygradError
from steadygrad.lab import fashion_mnist

Batch = tuple[torch.Tensor, torch.Tensor]
INITIALIZATIONS = ("default", "auto", "xavier", "he", "orthogonal", "lsuv")
T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78}  # Student's t, two-sided


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


def vgg() -> nn.Module:
    """VGG's 16 convolutions without batch norm, an eighth as wide."""
    layers: list[nn.Module] = []
    channels = 1
    for width, count in ((8, 2), (16, 2), (32, 4), (64, 4), (64, 4)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


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


class Images:
    """Fashion-MNIST: 20,000 images to train on, 5,000 to choose by, 5,000 to report."""

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


def networks(images: Images, text: Text) -> dict[str, tuple[Callable[[], nn.Module], Images | Text, str, tuple[float, ...], int]]:
    """Name → factory, data, optimizer, learning rates, steps."""
    rates = (0.003, 0.01, 0.03, 0.1, 0.3)
    adam = (3e-4, 1e-3, 3e-3)
    return {
        "plain tanh, 50 layers": (lambda: chain(nn.Tanh, 50), images, "sgd", rates, 400),
        "plain ReLU, 50 layers": (lambda: chain(nn.ReLU, 50), images, "sgd", rates, 400),
        "plain GELU, 50 layers": (lambda: chain(nn.GELU, 50), images, "sgd", rates, 400),
        "plain sigmoid, 20 layers": (lambda: chain(nn.Sigmoid, 20), images, "sgd", rates, 400),
        "VGG-16 convolutions, no norm": (vgg, images, "sgd", rates, 300),
        "residual, 110 layers, no norm": (Bare, images, "sgd", rates, 150),
        "MLP-Mixer": (Mixer, images, "adam", adam, 200),
        "post-norm transformer, 24 blocks": (lambda: PostNorm(text.symbols), text, "adam", adam, 200),
        "character LSTM": (lambda: CharLSTM(text.symbols), text, "adam", (1e-3, 3e-3, 1e-2), 200),
    }


def run(make: Callable[[], nn.Module], data: Images | Text, optimizer: str, rate: float, steps: int, scheme: str, seed: int) -> dict[str, object]:
    """Train once; validation and test scores."""
    torch.manual_seed(seed)
    model = make()
    first = next(data.batches(seed, 1))[0]
    if scheme != "default":
        try:
            sg.initialize_(model, first, scheme=scheme, seed=seed)
        except SteadygradError as error:
            return {"refused": str(error)[:200]}
    settings = {"sgd": lambda p: torch.optim.SGD(p, rate, momentum=0.9), "adam": lambda p: torch.optim.Adam(p, rate)}
    trained = settings[optimizer](model.parameters())
    for x, y in data.batches(1000 + seed, steps):
        loss = F.cross_entropy(model(x), y)
        if not math.isfinite(loss.item()) or loss.item() > 1e4:
            return {"validation": -math.inf if isinstance(data, Text) else 0.1, "test": -math.inf if isinstance(data, Text) else 0.1, "diverged": True}
        trained.zero_grad()
        loss.backward()
        trained.step()
    with torch.no_grad():
        return {"validation": data.score(model, "validation"), "test": data.score(model, "test")}


def markdown(records: list[dict]) -> str:
    """The table: test score at the rate chosen on validation; difference to `auto` with its interval."""
    cells: dict[tuple[str, str], dict[float, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if "test" in record:
            cells[record["network"], record["scheme"]][record["rate"]].append(record)
    names = list(dict.fromkeys(r["network"] for r in records))
    schemes = list(dict.fromkeys(r["scheme"] for r in records))
    lines = ["| network | " + " | ".join(schemes) + " |", "|---|" + "---|" * len(schemes)]
    for name in names:
        row = []
        ours = _best(cells[name, "auto"])
        for scheme in schemes:
            found = _best(cells[name, scheme])
            row.append("–" if found is None else _cell(found, ours, scheme))
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    lines += ["", "Accuracy on Fashion-MNIST, loss in nat per symbol on Tiny Shakespeare; in brackets the difference to `auto`, with the 95 % interval over paired seeds."]
    return "\n".join(lines) + "\n"


def _best(rates: dict[float, list[dict]]) -> tuple[float, dict[int, float]] | None:
    """(rate, test score by seed) of the rate that is best on validation."""
    if not rates:
        return None
    rate = max(rates, key=lambda r: statistics.fmean(x["validation"] for x in rates[r]))
    return rate, {x["seed"]: x["test"] for x in rates[rate]}


def _cell(found: tuple[float, dict[int, float]], ours: tuple[float, dict[int, float]] | None, scheme: str) -> str:
    scores = found[1]
    mean = statistics.fmean(scores.values())
    text = f"{abs(mean):.3f} at {found[0]:g}"
    if scheme == "auto" or ours is None or not math.isfinite(mean):
        return text
    differences = [scores[s] - ours[1][s] for s in scores if s in ours[1]]
    if len(differences) < 2:
        return text
    half = T95.get(len(differences) - 1, 2.6) * statistics.stdev(differences) / len(differences) ** 0.5
    return f"{text} ({statistics.fmean(differences):+.3f} ± {half:.3f})"


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/init_quality.jsonl"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", nargs="*")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    records = [json.loads(line) for line in asked.results.read_text().splitlines()] if asked.results.exists() else []
    done = {(r["network"], r["scheme"], r["rate"], r["seed"]) for r in records}
    known = networks(Images(), Text())
    for seed in range(asked.seeds):
        for name in asked.networks or known:
            make, data, optimizer, rates, steps = known[name]
            for scheme in INITIALIZATIONS:
                for rate in rates:
                    if (name, scheme, rate, seed) in done:
                        continue
                    started = time.perf_counter()
                    record = {"network": name, "scheme": scheme, "rate": rate, "seed": seed, **run(make, data, optimizer, rate, steps, scheme, seed)}
                    record["seconds"] = round(time.perf_counter() - started, 1)
                    records.append(record)
                    with asked.results.open("a") as file:
                        file.write(json.dumps(record) + "\n")
                    print(json.dumps(record), flush=True)
    table = markdown(records)
    if asked.table:
        asked.table.write_text(table)
    print(table)


if __name__ == "__main__":
    main()
