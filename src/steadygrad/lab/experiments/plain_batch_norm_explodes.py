"""A hundred plain layers with batch norm explode at a predicted rate; with skip connections 110 of them train."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian, plain, slope
from steadygrad.lab.training import accuracy, guess_error, guessing, train
from steadygrad.schemes import he_normal
from steadygrad.theory import activations
from steadygrad.theory.batch_growth import batch_norm_growth, finite_batch_factor

WIDTH = 64


class Residual(nn.Module):
    """x + W₂·φ(BN(W₁·φ(BN(x)))): two layers."""

    def __init__(self, width: int, seed: int, name: str) -> None:
        super().__init__()
        inner = plain([width, width, width], None, he_normal(), seed=seed, bias=False)
        for k in (0, 1):
            with torch.no_grad():
                inner[k].weight.copy_(gaussian(width, width, name=f"{name}.{k}", seed=seed, std=math.sqrt(2.0 / width), dtype=torch.float32))
        self.inner = nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), inner[0], nn.BatchNorm1d(width), nn.ReLU(), inner[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum."""
        return x + self.inner(x)


class PlainBatchNormExplodes(Experiment):
    """Linear – batch norm – ReLU, over and over, on digits; the same layers in residual blocks."""

    name = "plain-batch-norm-explodes"
    title = "Batch norm without skip connections: gradients grow by 1.21 per layer"
    place = "batch normalization, training deep networks and summary"
    items = (94, 95)
    claims = (
        Claim("proven", "Batch norm bounds signals but not gradients: squared ones grow by π/(π − 1) = 1.467 per ReLU layer, in large batches."),
        Claim("measured", "The rate holds with (B − 2)/(B − 3) for batches of B; a hundred such layers stay at chance."),
        Claim("measured", "With skip connections 110 layers train: a block adds to the gradient instead of multiplying it."),
    )
    settings = {
        "tiny": {"width": 96, "depth": 20, "blocks": 6, "batch": 96, "seeds": 3, "steps": 40, "plain_depth": 40, "reach": 0.6},
        "full": {"width": 512, "depth": 40, "blocks": 55, "batch": 512, "seeds": 6, "steps": 300, "plain_depth": 100, "reach": 0.9},
    }

    def measure(self, bench: Bench, *, width: int, depth: int, blocks: int, batch: int, seeds: int, steps: int, plain_depth: int, reach: float) -> Outcome:
        """Run."""
        data = digits.load()
        predicted = batch_norm_growth(activations.get("relu")) * finite_batch_factor(batch)
        rates = []
        for s in range(bench.seed * seeds, bench.seed * seeds + seeds):
            curve = _gradients(width, depth, batch, s)
            rates.append(math.exp(-slope([math.log(g) for g in curve[3:-2]])))
            bench.progress(s + 1 - bench.seed * seeds, seeds + 2)
        found, spread = math.fsum(rates) / seeds, 4.0 * math.sqrt(5.0 * 1.2 / (width * (depth - 5) * seeds))
        runs = {}
        for name, model in (("plain", _plain(WIDTH, plain_depth, bench.seed)), ("residual", _residual(WIDTH, blocks, bench.seed))):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
            losses = train(model, data.train_x, data.train_y, optimizer, steps, seed=bench.seed)
            runs[name] = (losses, accuracy(model, data.test_x, data.test_y))
            bench.progress(seeds + len(runs), seeds + 2)
        numbers = [
            Number("factor per layer on squared gradients", found, predicted, predicted * (spread + 0.06),
                "4 standard errors of the slope of a walk with variance 5/n per layer, and 6 % of the rule for small batches", "theory.batch_growth"),
            Number(f"test accuracy, plain, {plain_depth} layers", runs["plain"][1], guessing(data.test_y), 3.0 * guess_error(data.test_y),
                "guessing, and 12 standard deviations for what a few last layers learn", "gradients too large by powers of ten below, lost in the noise", "≤"),
            Number(f"test accuracy, residual, {2 * blocks} layers", runs["residual"][1], reach, 0.0, "a bound", "the chapter: over 100 layers, routinely", "≥"),
        ]  # fmt: skip
        curve = _gradients(width, depth, batch, bench.seed)
        count, base = list(range(1, depth + 1)), curve[-1]
        figure = Figure(f"Squared gradients in a plain network with batch norm, batch {batch}", Axis("layer", "index"),
            Axis("squared gradient over the last layer's", "no unit", True),
            (series("measured", count, [g / base for g in curve]),
             series("predicted", count, [predicted ** (depth - k) for k in count], marks=False)))  # fmt: skip
        ends = ", ".join(f"{name}: {losses[-1]:.2f} and {test:.1%}" for name, (losses, test) in runs.items())
        return Outcome(tuple(numbers), figure, f"√{found:.4f} = {math.sqrt(found):.4f} per layer; over 100 layers {found**50.0:.1e}. "
            f"Loss and test accuracy at the end: {ends}.")  # fmt: skip


def _plain(width: int, depth: int, seed: int) -> nn.Sequential:
    """64 → width → … → 10."""
    linear = plain([64, *[width] * depth, 10], None, he_normal(), seed=seed, bias=False)
    return nn.Sequential(*(m for layer in linear[:-1] for m in (layer, nn.BatchNorm1d(width), nn.ReLU())), linear[-1])


def _residual(width: int, blocks: int, seed: int) -> nn.Sequential:
    ends = plain([64, width, 10], None, he_normal(), seed=seed)
    return nn.Sequential(ends[0], *(Residual(width, seed, f"block.{k}") for k in range(blocks)), nn.BatchNorm1d(width), nn.ReLU(), ends[1])


def _gradients(width: int, depth: int, batch: int, seed: int) -> list[float]:
    """Mean squared gradient at every layer's pre-activation, for a random gradient at the last."""
    linear = plain([width] * (depth + 1), None, he_normal(), seed=seed, bias=False, dtype=torch.float64)
    h, seen = gaussian(batch, width, name="x", seed=seed), []
    for layer in linear:
        z = layer(h)
        seen.append(z)
        h = torch.relu(nn.functional.batch_norm(z, None, None, training=True))
    gradients = torch.autograd.grad((h * gaussian(batch, width, name="g", seed=seed)).sum(), seen)
    return [float(g.square().mean()) for g in gradients]
