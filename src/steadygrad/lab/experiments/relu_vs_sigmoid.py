"""ReLU passes gradients that sigmoids lose, and trains in fewer steps."""

import math
from collections.abc import Callable

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import ERROR, factor_error, log_factor, plain
from steadygrad.lab.training import smooth, train
from steadygrad.schemes import Scheme, glorot_normal, he_normal, lecun_normal
from steadygrad.theory import activations, maps

TARGET = 1.0
CRITICAL = 103.00755385551933  # σ_w² of sigmoids without bias at which χ₁ = 1, by bisection
NETWORKS: dict[str, tuple[Callable[[], nn.Module], Scheme, float]] = {
    "sigmoid": (nn.Sigmoid, glorot_normal(), 1.0), "tanh": (nn.Tanh, glorot_normal(), 1.0), "relu": (nn.ReLU, he_normal(), math.sqrt(2.0)),
}  # fmt: skip


class ReluVsSigmoid(Experiment):
    """Gradient factors per layer, then six-layer networks on digits from the same budget."""

    name = "relu-vs-sigmoid"
    title = "Sigmoid, tanh and ReLU: gradient per layer, and steps to a loss of 1"
    place = "numerical stability, vanishing gradients and summary"
    items = (13, 14, 39, 40)
    claims = (
        Claim("proven", "χ₁ = 0.0557 for sigmoid layers under Xavier, 1 for ReLU under He: per layer on squared gradients."),
        Claim("proven", "Sigmoids without bias are critical only at σ_w² = 103.0, ten times Xavier's standard deviation, where most units are saturated."),
        Claim("measured", "On digits six ReLU layers reach a loss of 1 in fewer steps than six sigmoid layers."),
    )
    settings = {"tiny": {"steps": 40, "seeds": 6}, "full": {"steps": 600, "seeds": 60}}

    def measure(self, bench: Bench, *, steps: int, seeds: int) -> Outcome:
        """Run."""
        data = digits.load()
        cases = (("sigmoid", 1.0, "sigmoid, Xavier"), ("relu", 2.0, "ReLU, He"), ("sigmoid", CRITICAL, "sigmoid, σ_w² = 103.0"))
        numbers = [_factor(name, seeds, bench.seed, variance, what) for name, variance, what in cases]
        curves, needed = {}, {}
        for name, (act, scheme, gain) in NETWORKS.items():
            model = plain([64] * 7 + [10], act, scheme, seed=bench.seed, gain=gain)
            curves[name] = smooth(train(model, data.train_x, data.train_y, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), steps))
            needed[name] = next((k for k, v in enumerate(curves[name]) if v < TARGET), steps)
            bench.progress(len(curves), 3)
        numbers += [
            Number("steps to a loss of 1, ReLU", needed["relu"], needed["sigmoid"], 0.0, "a bound",
                "steps of the sigmoid network, the whole budget if it did not get there", "≤"),
            Number("χ₁ of sigmoids at q = 45.6, where it reaches 1 without bias", maps.chi_1(activations.get("sigmoid"), CRITICAL), 1.0, 1e-8,
                "bisection to 1e-9", "σ_w² E[φ′²] = 1 and q = σ_w² E[φ²] together"),
        ]
        figure = Figure("Training loss on digits, six hidden layers", Axis("step", "updates"), Axis("cross-entropy, mean of 10 steps", "nats", True),
            tuple(series(n, range(steps), c) for n, c in curves.items()))
        return Outcome(tuple(numbers), figure, "Steps to a loss of 1: " + ", ".join(f"{n} {'more than ' if v == steps else ''}{v}" for n,
            v in needed.items()) + ".")


def _factor(name: str, seeds: int, seed: int, variance: float, what: str) -> Number:
    """Log of the factor on squared gradients per layer at σ_w² = variance."""
    act, width, depth, skip = activations.get(name), 96, 18, 4
    measured = log_factor(NETWORKS[name][0], lecun_normal(), gain=math.sqrt(variance), width=width, depth=depth, seeds=seeds, seed=seed, skip=skip)
    error = factor_error(act, maps.q_star(act, variance).q, width=width, depth=depth, seeds=seeds, skip=skip)
    return Number(f"log of the factor on squared gradients per layer, {what}", measured, math.log(maps.chi_1(act, variance)), error, ERROR,
        "theory.maps.chi_1")
