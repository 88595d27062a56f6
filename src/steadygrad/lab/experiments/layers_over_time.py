"""How far layers, units and moments of a training lie apart, and that one layer at a hundred times its size is found."""

import math
from typing import NamedTuple

import torch
from torch import nn

from steadygrad.door import check
from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Grid
from steadygrad.lab.number import Number
from steadygrad.lab.plain import plain
from steadygrad.lab.training import accuracy, train
from steadygrad.schemes import he_normal

SMALL = math.sqrt(2.0) / 2.0
"""Gain: half of He's, so that signals halve from layer to layer."""
HUNDRED = 100.0


class Map(NamedTuple):
    """log₁₀ of the rms of every layer's pre-activation at every look, and log₁₀ of largest over smallest unit's rms at the first look."""

    cells: list[list[float]]
    units: float
    test: float

    def across(self, column: int) -> float:
        """log₁₀ of largest over smallest layer at a look."""
        values = [row[column] for row in self.cells]
        return max(values) - min(values)

    def over_time(self) -> float:
        """log₁₀ of how far the layer that moved farthest did."""
        return max(max(row) - min(row) for row in self.cells)


class LayersOverTime(Experiment):
    """Plain ReLU layers on digits with and without batch norm; rms of pre-activations on one batch of training data."""

    name = "layers-over-time"
    title = "Signals across layers, units and time"
    place = "batch normalization, training deep networks"
    items = (59,)
    claims = (
        Claim("measured", "Without normalization layers start powers of ten apart and move by powers of ten while training; with it both stay."),
        Claim("measured", "A layer whose weights are a hundred times its neighbours' is named by `check`, the layer itself and not those behind it."),
        Claim("hunch", "That the disparity is why learning rates need compensation: a norm makes scales irrelevant, but the rate acts on directions too."),
    )
    settings = {
        "tiny": {"width": 96, "depth": 6, "looks": (0, 5, 20), "rate": 0.05},
        "full": {"width": 256, "depth": 12, "looks": (0, 1, 3, 10, 30, 100, 300, 1000), "rate": 0.02},
    }

    def measure(self, bench: Bench, *, width: int, depth: int, looks: tuple[int, ...], rate: float) -> Outcome:
        """Run."""
        data = digits.load()
        widths = [64, *[width] * depth, 10]
        maps = {}
        for name in ("plain", "batch norm"):
            maps[name] = _trained(_network(widths, name == "batch norm", bench.seed), data, looks, rate, bench.seed)
            bench.progress(len(maps), 3)
        without, normed = maps["plain"], maps["batch norm"]
        error = 4.0 * math.sqrt(5.0 * depth / width) / math.log(100.0)
        found = _hundredfold(widths, data, bench.seed)
        bench.progress(3, 3)
        numbers = (
            Number("log₁₀ of first over last layer's rms at the start, plain", without.cells[0][0] - without.cells[-1][0], (depth - 1) * math.log10(2.0),
                error, "4σ of a walk whose steps of ln q have variance 5/n", "q ← q/4 at half of He's σ"),
            Number("log₁₀ of largest over smallest layer's rms at the start, batch norm", normed.across(0), 0.0, 1e-6,
                "eps/2v with eps 1e-12 and v > 1e-5, and the rounding of float32", "unit variance by definition"),
            Number("log₁₀ of largest over smallest unit's rms in any layer at the start, batch norm", normed.units, 0.0, 1e-6,
                "the same", "unit variance by definition"),
            Number("log₁₀ of how far a layer's rms moves in training, batch norm less plain", normed.over_time() - without.over_time(), 0.0, 0.0, "a bound",
                "the chapter", "≤"),
            Number("index of the layer that stands out, when one is a hundred times its neighbours", found, depth // 2, 0.0,
                "a name", "the layer that was multiplied"),
        )  # fmt: skip
        low, high = (pick(v for m in maps.values() for row in m.cells for v in row) for pick in (min, max))
        figure = Grid(f"log₁₀ rms of pre-activations, {depth} ReLU layers on digits",
            Axis("step", "updates"), Axis("layer", "index"), tuple(map(str, looks)),
            tuple(f"{name} {k + 1}" for name, m in maps.items() for k in range(len(m.cells))),
            tuple(tuple(row) for m in maps.values() for row in m.cells), Axis("log₁₀ rms", "no unit"), low, high)  # fmt: skip
        said = "; ".join(f"{name}: 10^{m.across(0):.2g} between layers at the start, 10^{m.across(-1):.2g} at the end, "
            f"a layer moves by up to 10^{m.over_time():.2g}, units of one layer lie up to 10^{m.units:.2g} apart, "
            f"test {m.test:.3f}" for name, m in maps.items())  # fmt: skip
        return Outcome(numbers, figure, f"{said}.")


def _network(widths: list[int], normed: bool, seed: int) -> nn.Sequential:
    linear = plain(widths, None, he_normal(), seed=seed, gain=SMALL)
    layers: list[nn.Module] = []
    for layer, width in zip(linear[:-1], widths[1:], strict=False):
        layers += [layer, *([nn.BatchNorm1d(width, eps=1e-12)] if normed else []), nn.ReLU()]
    return nn.Sequential(*layers, linear[-1])


def _trained(model: nn.Sequential, data: digits.Digits, looks: tuple[int, ...], rate: float, seed: int) -> Map:
    """Looks in train mode, at what enters each ReLU."""
    x, columns, units = data.train_x[:256], list[list[float]](), 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    for k, step in enumerate(looks):
        if step:
            train(model, data.train_x, data.train_y, optimizer, step - looks[k - 1], seed=seed * 1000 + k)
        seen = _entering(model, x)
        columns.append([math.log10(float(z.square().mean().sqrt())) for z in seen])
        if not k:
            spread = [z.square().mean(0) for z in seen]
            units = max(0.5 * math.log10(float(q.max() / q.min())) for q in spread)
    return Map([list(row) for row in zip(*columns, strict=True)], units, accuracy(model, data.test_x, data.test_y))


@torch.no_grad()
def _entering(model: nn.Sequential, x: torch.Tensor) -> list[torch.Tensor]:
    seen = []
    for module in model:
        if isinstance(module, nn.ReLU):
            seen.append(x)
        x = module(x)
    return seen


def _hundredfold(widths: list[int], data: digits.Digits, seed: int) -> float:
    """Index, among the hidden layers of a network of He's weights, of the first that `check` names; nan where it names none."""
    model, sick = plain(widths, nn.ReLU, he_normal(), seed=seed, gain=math.sqrt(2.0)), (len(widths) - 2) // 2
    linear = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    with torch.no_grad():
        model.get_submodule(linear[sick]).weight.mul_(HUNDRED)
    report = check(model, data.train_x[:256], data.train_y[:256], nn.functional.cross_entropy)
    return float(linear.index(report.findings[0].where)) if report.findings and report.findings[0].where in linear else math.nan
