"""A plain tanh network of 10,000 layers in stock PyTorch on Fashion-MNIST, its images pooled to 8 × 8."""

import math
from dataclasses import replace

import torch
from torch import nn

from steadygrad.lab import digits, fashion_mnist
from steadygrad.lab.chain.training import critical_gain
from steadygrad.lab.deep import readout, tanh_stack, train_until
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.split import Split, split
from steadygrad.lab.training import accuracy, guess_error, guessing, smooth
from steadygrad.schemes import orthogonal
from steadygrad.theory.depth_rate import chain_length, chain_sharpness, largest_stable_rate

MOMENTUM, GAIN, SAFETY = 0.9, 0.5, 0.5
SPREAD = 6.5  # of the squared singular values: three times the signals of the digits' runs, which harder classes need
LOOKED_AT = 2000  # validation images: a look costs as much as some steps


class TenThousandLayersFashion(Experiment):
    """Orthogonal critical weights, half the predicted rate falling along half a cosine, a fixed readout, a set number of steps."""

    name = "ten-thousand-layers-fashion"
    title = "Plain networks of 10,000 layers on Fashion-MNIST"
    place = "numerical stability, beyond: 10,000-layer networks"
    items = (44,)
    claims = (
        Claim("measured", "The same rules for signals and rate train 10,000 plain layers on Fashion-MNIST, pooled to 8 × 8, to over 80 %."),
        Claim("hunch", "What is lost against shallow networks is the price of features that barely move from layer to layer."),
    )
    settings = {
        "tiny": {"data": "digits", "depth": 12, "batch": 64, "steps": 60, "reach": 0.7},
        "full": {"data": "fashion-mnist", "depth": 10_000, "batch": 128, "steps": 600, "reach": 0.8},
    }

    def measure(self, bench: Bench, *, data: str, depth: int, batch: int, steps: int, reach: float) -> Outcome:
        """Run."""
        parts = split(*(_pooled(bench) if data == "fashion-mnist" else digits.load()))
        parts = replace(parts, validation_x=parts.validation_x[:LOOKED_AT], validation_y=parts.validation_y[:LOOKED_AT])
        q, width = chain_length(depth, SPREAD), parts.train_x.shape[1]
        sharpness = chain_sharpness(depth, width=width, q=q, classes=parts.classes, readout_gain=GAIN, alignment=parts.alignment())
        rate = SAFETY * largest_stable_rate(sharpness, batch=batch, momentum=MOMENTUM)
        model = nn.Sequential(
            tanh_stack(depth, width, orthogonal(), seed=bench.seed, gain=critical_gain(q)), readout(width, parts.classes, GAIN / math.sqrt(q), seed=bench.seed)
        )
        scaled = parts.scaled(math.sqrt(q))
        run = train_until(model, scaled, rate=rate, batch=batch, steps=steps, momentum=MOMENTUM, every=max(steps // 10, 1), seed=bench.seed, cosine=True,
            progress=bench.progress, keep=bench.keep)  # fmt: skip
        test = _in_parts(model, scaled)
        numbers = (
            Number("test accuracy, looked at once", test, reach, 0.0, "a bound", "four in five held-out images" if depth > 1000 else "a small network", "≥"),
            Number("steps with a finite loss", len(run.losses), steps, 0.0, "a count", "stable to the end"),
            Number("log₁₀ of first over last layer's gradient norm", math.log10(run.first_to_last), 0.0, math.log10(3.0), "within [⅓, 3]",
                "dynamical isometry"),
        )  # fmt: skip
        at = list(range(9, len(run.losses), 10))
        figure = Figure(f"{depth:,} plain tanh layers, {data}", Axis("step", "updates"), Axis("value", "no unit"), (
            series("training loss over ten steps, nats", [k + 1 for k in at], [smooth(run.losses)[k] for k in at], marks=False),
            series("validation accuracy", [s for s, _ in run.looks], [v for _, v in run.looks])))  # fmt: skip
        looks = ", ".join(f"{step}: {value:.1%}" for step, value in run.looks)
        return Outcome(numbers, figure, f"q = {q:.2e}, rate {rate * depth:.3f}/L falling to 0; {guessing(parts.test_y):.1%} ± {guess_error(parts.test_y):.1%} "
            f"is guessing. Validation accuracy by step: {looks}.")  # fmt: skip


def _pooled(bench: Bench) -> tuple[torch.Tensor, ...]:
    """28 × 28 images to 64 features: means over regions of 3 to 4 pixels a side."""
    given = fashion_mnist.load(bench.data)
    small = [nn.functional.adaptive_avg_pool2d(x, 8).flatten(1) for x in (given.train_x, given.test_x)]
    return small[0], given.train_y, small[1], given.test_y


def _in_parts(model: nn.Module, data: Split) -> float:
    """Accuracy on the test part, a thousand at a time."""
    parts = zip(data.test_x.split(1000), data.test_y.split(1000), strict=True)
    return sum(accuracy(model, x, y) * len(x) for x, y in parts) / len(data.test_x)
