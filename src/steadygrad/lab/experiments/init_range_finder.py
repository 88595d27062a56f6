"""The page's motivation: not one number by hand, but a range to draw from. Which range?"""

import math
from collections.abc import Callable

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian, plain
from steadygrad.lab.training import accuracy, guess_error, guessing, train
from steadygrad.randomness import uniform
from steadygrad.schemes import normal
from steadygrad.theory.finite_width import relu_log_norm

DEPTH, WIDTH, FACTOR = 20, 64, 100.0


class InitRangeFinder(Experiment):
    """Twenty ReLU layers: the weights at which the typical signal stays within a factor of 100, found by bisection and by theory."""

    name = "init-range-finder"
    title = "The range of weights at which twenty ReLU layers train"
    place = "model initialization, motivation"
    items = (12, 57)
    claims = (
        Claim("proven",
            "The typical squared signal changes by a factor in [1/F, F] over L ReLU layers while |L·log(σ_w²/2) + E| ≤ log F; E is exact at finite width."),
        Claim("measured", "Bisection on real networks finds the same ends."),
        Claim("hunch", "F = 100 as the border between training and not: the accuracies in the figure decide, and the border is soft."),
    )
    settings = {"tiny": {"seeds": 6, "steps": 30, "scales": (0.5, 1.0)}, "full": {"seeds": 60, "steps": 300, "scales": (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25,
        1.5, 2.0)}}

    def measure(self, bench: Bench, *, seeds: int, steps: int, scales: tuple[float, ...]) -> Outcome:
        """Run."""
        exact = relu_log_norm([WIDTH] * DEPTH, 1.0)
        ends = [math.exp((way * math.log(FACTOR) - exact.mean) / (2.0 * DEPTH)) for way in (-1.0, 1.0)]
        probes = _probes(seeds, bench.seed)
        found = [_bisect(lambda s: _growth(s, probes), way * math.log(FACTOR)) for way in (-1.0, 1.0)]
        off = 4 * math.sqrt(exact.variance / seeds) / (2.0 * DEPTH)
        numbers = [Number(f"log of the {name} end of σ_w", math.log(f), math.log(e), off + 1e-4, "4·√(variance of the log-norm/seeds)/(2L)",
            "theory.finite_width.relu_log_norm") for name, f, e in zip(("lower", "upper"), found, ends, strict=True)]
        data, reached, middle = digits.load(), [], math.sqrt(ends[0] * ends[1])
        for scale in scales:
            a = math.sqrt(3.0 / WIDTH) * middle * scale
            model = plain([64, *[WIDTH] * DEPTH, 10], nn.ReLU, uniform(-a, a), seed=bench.seed)
            train(model, data.train_x, data.train_y, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), steps)
            reached.append(accuracy(model, data.test_x, data.test_y))
            bench.progress(len(reached), len(scales))
        guess, error = guessing(data.test_y), guess_error(data.test_y)
        numbers += [
            Number("test accuracy in the middle of the range", reached[scales.index(1.0)], guess + error, 0.0, "4·√(p(1 − p)/360) above guessing",
                "better than any guess", "≥"),
            Number("test accuracy at half the middle", reached[scales.index(0.5)], guess, error, "4·√(p(1 − p)/360)",
                "guessing: the signal is 4⁻²⁰ of its size", "≤"),
        ]
        sigmas = [middle * s for s in scales]
        low, high = sorted(ends)
        inside = series("predicted range", [low, low, high, high], [0.0, 1.0, 1.0, 0.0], marks=False)
        figure = Figure(f"Test accuracy on digits after {steps} steps, weights U(−a, a)", Axis("σ_w = a·√(n/3)", "no unit", True), Axis("test accuracy",
            "share"), (series("accuracy", sigmas, reached), inside))
        bounds = [math.sqrt(3.0 / WIDTH) * e for e in ends]
        return Outcome(tuple(numbers), figure,
            f"Draw from U(−a, a) with a between {bounds[0]:.3f} and {bounds[1]:.3f} at width {WIDTH}; He's is {math.sqrt(6.0 / WIDTH):.3f}.")


def _probes(seeds: int, seed: int) -> list[tuple[nn.Sequential, torch.Tensor]]:
    """Networks of σ_w = 1 and an input for each."""
    names = range(seed * 1000, seed * 1000 + seeds)
    made = [plain([WIDTH] * (DEPTH + 1), nn.ReLU, normal(WIDTH**-0.5), seed=s, bias=False, dtype=torch.float64) for s in names]
    return [(network, gaussian(1, WIDTH, name="x", seed=s)) for network, s in zip(made, names, strict=True)]


@torch.no_grad()
def _growth(sigma: float, probes: list[tuple[nn.Sequential, torch.Tensor]]) -> float:
    """Mean log growth of the squared signal over all layers, their weights times σ."""
    total = 0.0
    for network, x in probes:
        h = x
        for layer in network[::2]:
            h = torch.relu(h @ (sigma * layer.weight).T)
        total += math.log(float(h.square().mean() / x.square().mean()))
    return total / len(probes)


def _bisect(f: Callable[[float], float], wanted: float) -> float:
    """σ with f(σ) = wanted; f increases."""
    low, high = math.log(0.5), math.log(4.0)
    while high - low > 1e-4:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if f(math.exp(middle)) < wanted else (low, middle)
    return math.exp(0.5 * (low + high))
