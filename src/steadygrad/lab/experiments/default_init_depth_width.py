"""Defaults of frameworks over depth and width: which plain ReLU networks still train."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Grid
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian, plain
from steadygrad.lab.training import accuracy, guess_error, guessing, train
from steadygrad.schemes import Scheme, glorot_normal, he_normal, normal, torch_default, uniform
from steadygrad.theory.finite_width import relu_log_norm

DEFAULTS: dict[str, tuple[Scheme, float]] = {
    "N(0, 0.01²)": (normal(0.01), 1.0), "MXNet U(±0.07)": (uniform(-0.07, 0.07), 1.0), "torch default": (torch_default(), 1.0),
    "Xavier": (glorot_normal(), 1.0), "He": (he_normal(), math.sqrt(2.0)),
}
CRITICAL = 6.0 / 0.0049  # width at which U(±0.07) has n·σ² = 2


class DefaultInitDepthWidth(Experiment):
    """Five initializations on plain ReLU networks: how far signals reach, and which networks learn digits."""

    name = "default-init-depth-width"
    title = "Defaults work at moderate sizes: depth and width decide"
    place = "numerical stability, default initialization"
    items = (28, 29, 30, 42)
    claims = (
        Claim("proven", "U(±0.07) has variance 0.0049/3: it is critical for ReLU at width 1,224 and for linear layers at 612, and at no other width."),
        Claim("proven", "The log of a Gaussian ReLU network's signal has the mean and variance of theory.finite_width.relu_log_norm, at any width."),
        Claim("measured",
            "He learns wherever 5·depth/width, the variance of its log-norm, is below ½; fixed standard deviations die with depth or narrowness."),
    )
    settings = {
        "tiny": {"depths": (2, 8), "widths": (48,), "steps": 25, "rate": 0.02, "seeds": 6, "probe": 8},
        "full": {"depths": (2, 5, 10, 20, 40), "widths": (16, 64, 256), "steps": 150, "rate": 0.005, "seeds": 60, "probe": 20},
    }

    def measure(self, bench: Bench, *, depths: tuple[int, ...], widths: tuple[int, ...], steps: int, rate: float, seeds: int, probe: int) -> Outcome:
        """Run."""
        data = digits.load()
        cells, rows = [], []
        for name, (scheme, gain) in DEFAULTS.items():
            for width in widths:
                rows.append(f"{name}, {width} wide")
                cells.append(tuple(_trained((scheme, gain), (depth, width), (steps, rate), bench.seed, data) for depth in depths))
                bench.progress(len(cells), len(DEFAULTS) * len(widths))
        guess, error = guessing(data.test_y), guess_error(data.test_y)
        wide = widths[-1]
        safe = min(cells[rows.index(f"He, {w} wide")][depths.index(d)] for d in depths for w in widths if 5 * d < 0.5 * w)
        numbers = [
            *_widths(bench.seed),
            *_signals(probe, max(48, widths[0]), seeds, bench.seed),
            Number(f"accuracy of N(0, 0.01²), {depths[-1]} layers, {wide} wide", cells[rows.index(f"N(0, 0.01²), {wide} wide")][-1], guess, error,
                "4·√(p(1 − p)/360) above guessing", "a signal that died leaves only the biases of the output", "≤"),
            Number("lowest accuracy of He where 5·depth/width is below ½", safe, guess + error, 0.0, "4·√(p(1 − p)/360) above guessing",
                "better than any guess", "≥"),
        ]
        figure = Grid(
            f"Test accuracy on digits after {steps} steps of SGD", Axis("depth", "hidden layers"), Axis("initialization and width", "units"),
            tuple(map(str, depths)), tuple(rows), tuple(cells), Axis("test accuracy", "share"),
        )
        return Outcome(tuple(numbers), figure, f"Guessing reaches {guess:.1%}.")


def _trained(law: tuple[Scheme, float], size: tuple[int, int], run: tuple[int, float], seed: int, data: digits.Digits) -> float:
    (scheme, gain), (depth, width), (steps, rate) = law, size, run
    model = plain([64, *[width] * depth, 10], nn.ReLU, scheme, seed=seed, gain=gain)
    train(model, data.train_x, data.train_y, torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9), steps, batch=64)
    return accuracy(model, data.test_x, data.test_y)


def _widths(seed: int) -> list[Number]:
    """n·σ² of real U(±0.07) weights at the two critical widths."""
    found = []
    for what, width, wanted in (("ReLU", round(CRITICAL), 2.0), ("linear", round(CRITICAL / 2.0), 1.0)):
        weight = plain([width, width], None, uniform(-0.07, 0.07), seed=seed, bias=False)[0].weight.detach().double()
        off = 4 * wanted * math.sqrt(0.8) / width + wanted / width
        found.append(Number(f"n·σ² of U(±0.07) at width {width}, critical for {what}", width * float(weight.square().mean()), wanted, off,
            "4·√(0.8)/n, and half a unit of width", "n·0.0049/3"))
    return found


def _signals(depth: int, width: int, seeds: int, seed: int) -> list[Number]:
    """Mean log of the signal's growth over `depth` ReLU layers, for the Gaussian ones."""
    found = []
    for name in ("N(0, 0.01²)", "Xavier", "He"):
        scheme, gain = DEFAULTS[name]
        times = {"N(0, 0.01²)": 0.01 * math.sqrt(width), "Xavier": 1.0, "He": math.sqrt(2.0)}[name]
        logs = []
        for s in range(seeds):
            model = plain([width] * (depth + 1), nn.ReLU, scheme, seed=seed * 1000 + s, gain=gain, bias=False, dtype=torch.float64)
            x = gaussian(1, width, name="x", seed=seed * 1000 + s)
            logs.append(math.log(float(torch.relu(model(x).detach()).square().mean() / x.square().mean())))
        exact = relu_log_norm([width] * depth, times)
        found.append(Number(f"log of the signal's growth, {name}, {depth} layers, {width} wide", math.fsum(logs) / seeds, exact.mean,
            4 * math.sqrt(exact.variance / seeds), "4·√(variance/seeds), exact variance", "theory.finite_width.relu_log_norm"))
    return found
