"""Training accuracy over depth and σ_w, and the depth that the theory says still trains."""

import math
from typing import NamedTuple

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Grid
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian, plain
from steadygrad.lab.sweep import sweep
from steadygrad.lab.training import accuracy, train
from steadygrad.schemes import lecun_normal
from steadygrad.theory import activations
from steadygrad.theory.phase import phase_at

BIAS_VARIANCE, MOMENTUM = 0.05, 0.8
FACTOR = 2.0
WHY = "a factor of 2: 6 depth scales, e⁻⁶ of a difference, is where published accuracies fall, read off a figure; more steps reach somewhat deeper"


class Cell(NamedTuple):
    """One training."""

    weight_variance: float
    depth: int
    width: int
    steps: int
    rate: float
    seed: int


class TrainableDepth(Experiment):
    """Gaussian tanh networks on digits, SGD with one small rate for all; every training is a cell of one sweep."""

    name = "trainable-depth"
    title = "How deep an initialization trains: measured accuracy over the predicted depth"
    place = "model initialization, beyond the chapters: mean field theory"
    items = (30, 44)
    claims = (
        Claim("measured", "Accuracy falls to chance at about 6·ξ_c layers on both sides of criticality, and nowhere near it at the critical σ_w."),
        Claim("hunch", "That it is 6: the depth at which e⁻⁶ of a difference between two inputs is left depends on steps and data."),
    )
    settings = {
        "tiny": {"variances": (0.7, 1.76), "depths": (4, 24), "width": 48, "steps": 40, "rate": 0.01},
        "full": {
            "variances": (0.8, 1.0, 1.2, 1.4, 1.76, 2.2, 2.6, 3.0, 3.5, 4.0),
            "depths": (5, 8, 12, 17, 25, 36, 50, 72, 104), "width": 100, "steps": 250, "rate": 0.001,
        },
    }  # fmt: skip

    def measure(self, bench: Bench, *, variances: tuple[float, ...], depths: tuple[int, ...], width: int, steps: int, rate: float) -> Outcome:
        """Run."""
        cells = [Cell(v, depth, width, steps, rate, bench.seed) for depth in depths for v in variances]
        flat = sweep(trained, cells, bench.progress)
        rows = [flat[k * len(variances) : (k + 1) * len(variances)] for k in range(len(depths))]
        expected = [phase_at(activations.get("tanh"), v, BIAS_VARIANCE).trainable_depth for v in variances]
        numbers = []
        for column, (variance, depth) in enumerate(zip(variances, expected, strict=True)):
            found = _reach(depths, [row[column] for row in rows])
            if depth >= depths[-1]:
                numbers.append(Number(f"deepest that trains, σ_w² = {variance:g}", found, depths[-1] / FACTOR, 0.0, WHY, "6·ξ_c lies beyond", "≥"))
            else:
                numbers.append(
                    Number(f"log₂ of measured over predicted depth, σ_w² = {variance:g}", math.log2(found / depth), 0.0, math.log2(FACTOR), WHY,
                        f"theory.phase: 6·ξ_c = {depth:.1f} (Schoenholz et al. 2017)")
                )  # fmt: skip
        figure = Grid(
            f"Training accuracy on digits after {steps} steps; the line is 6·ξ_c", Axis("σ_w² (σ_b² = 0.05)", "no unit"), Axis("depth", "layers"),
            tuple(f"{v:g}" for v in variances), tuple(map(str, depths)), tuple(map(tuple, rows)), Axis("training accuracy", "share"), 0.0, 1.0,
            tuple(_row(depths, depth) for depth in expected),
        )  # fmt: skip
        return Outcome(tuple(numbers), figure, f"Predicted: {', '.join(f'{v:g}: {d:.0f}' for v, d in zip(variances, expected, strict=True))} layers.")


def trained(cell: Cell) -> float:
    """Accuracy on the training part after the cell's steps."""
    data = digits.load()
    model = plain([64, *[cell.width] * cell.depth, 10], nn.Tanh, lecun_normal(), seed=cell.seed, gain=math.sqrt(cell.weight_variance))
    with torch.no_grad():
        for k, layer in enumerate(layer for layer in model if isinstance(layer, nn.Linear)):
            drawn = gaussian(layer.out_features, name=f"{k}.bias", seed=cell.seed, std=math.sqrt(BIAS_VARIANCE), dtype=torch.float32)
            layer.bias.copy_(drawn)
    optimizer = torch.optim.SGD(model.parameters(), lr=cell.rate, momentum=MOMENTUM)
    train(model, data.train_x, data.train_y, optimizer, cell.steps, seed=cell.seed)
    return accuracy(model, data.train_x, data.train_y)


def _reach(depths: tuple[int, ...], accuracies: list[float]) -> float:
    """Where accuracy falls through ½, between depths on a log scale."""
    for k in reversed(range(len(depths))):
        if accuracies[k] >= 0.5:
            if k + 1 == len(depths):
                return float(depths[-1])
            share = (accuracies[k] - 0.5) / (accuracies[k] - accuracies[k + 1])
            return float(depths[k] * (depths[k + 1] / depths[k]) ** share)
    return depths[0] / 2.0


def _row(depths: tuple[int, ...], depth: float) -> float:
    """The depth as a place among the rows, on a log scale between them."""
    if depth >= depths[-1]:
        return float(len(depths))
    k = max(sum(d <= depth for d in depths) - 1, 0)
    return k + 0.5 + math.log(depth / depths[k]) / math.log(depths[k + 1] / depths[k])
