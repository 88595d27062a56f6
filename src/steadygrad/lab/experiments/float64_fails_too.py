"""Unstable gradients are not a rounding problem: the same networks fail in float64."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import ERROR, factor_error, flow, gaussian, log_factor, plain
from steadygrad.lab.training import accuracy, guess_error, guessing, smooth, train
from steadygrad.schemes import he_normal, normal
from steadygrad.theory import activations, maps

DEPTH, WIDTH = 12, 64


class Float64FailsToo(Experiment):
    """Twelve sigmoid layers of N(0, 0.01²) weights in both precisions, and twelve ReLU layers under He."""

    name = "float64-fails-too"
    title = "More digits do not help: vanishing gradients threaten the optimizer, not the number format"
    place = "numerical stability, vanishing and exploding gradients"
    items = (3, 7, 8)
    claims = (
        Claim("proven", "Squared gradients shrink by χ₁ = 64·0.01²·E[σ′²] = 4e-4 per layer in any precision."),
        Claim("measured", "float32 and float64 agree on the gradients, and both networks stay at guessing."),
        Claim("measured", "The same depth in float32 with ReLU and He's weights learns."),
    )
    settings = {"tiny": {"steps": 40, "seeds": 6}, "full": {"steps": 600, "seeds": 60}}

    def measure(self, bench: Bench, *, steps: int, seeds: int) -> Outcome:
        """Run."""
        data, curves, reached = digits.load(), {}, {}
        cases = (("sigmoid, float32", torch.float32, nn.Sigmoid), ("sigmoid, float64", torch.float64, nn.Sigmoid), ("ReLU and He, float32", torch.float32,
            nn.ReLU))
        for name, dtype, act in cases:
            model = plain([64, *[WIDTH] * DEPTH, 10], act, normal(0.01) if act is nn.Sigmoid else he_normal(), seed=bench.seed,
                gain=1.0 if act is nn.Sigmoid else math.sqrt(2.0), dtype=dtype)
            losses = train(model, data.train_x.to(dtype), data.train_y, torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9), steps)
            curves[name], reached[name] = smooth(losses), accuracy(model, data.test_x.to(dtype), data.test_y)
            bench.progress(len(curves), 3)
        guess, error = guessing(data.test_y), guess_error(data.test_y)
        sigmoid, variance = activations.get("sigmoid"), WIDTH * 0.01**2
        measured = log_factor(nn.Sigmoid, normal(0.01), width=WIDTH, depth=DEPTH, seeds=seeds, seed=bench.seed)
        off = factor_error(sigmoid, maps.q_star(sigmoid, variance).q, width=WIDTH, depth=DEPTH, seeds=seeds)
        single, double = (_ratio(dtype, bench.seed) for dtype in (torch.float32, torch.float64))
        numbers = (
            Number("log of the factor on squared gradients per layer, float64", measured, math.log(maps.chi_1(sigmoid, variance)), off, ERROR,
                "theory.maps.chi_1"),
            Number("log of first over last squared gradient, float32 minus float64", single - double, 0.0, 2 * DEPTH * 2.0**-24 * 8 * 2,
                "2·12 products of 64 terms, each rounded by 8·2⁻²⁴ at most (pairwise sums)", "the same network"),
            Number("test accuracy of the sigmoids, float32", reached["sigmoid, float32"], guess, error, "4·√(p(1 − p)/360)", "guessing", "≤"),
            Number("test accuracy of the sigmoids, float64", reached["sigmoid, float64"], guess, error, "4·√(p(1 − p)/360)", "guessing", "≤"),
            Number("test accuracy of ReLU and He, float32", reached["ReLU and He, float32"], guess + error, 0.0, "4·√(p(1 − p)/360) above guessing",
                "better than any guess", "≥"),
        )
        figure = Figure("Training loss on digits, twelve hidden layers", Axis("step", "updates"), Axis("cross-entropy, mean of 10 steps", "nats", True),
            tuple(series(n, range(steps), c) for n, c in curves.items()))
        return Outcome(numbers, figure,
            f"The first layer's squared gradient is 10^{double / math.log(10.0):.0f} of the last one's: representable in both formats, useless in both.")


def _ratio(dtype: torch.dtype, seed: int) -> float:
    network = plain([WIDTH] * (DEPTH + 1), nn.Sigmoid, normal(0.01), seed=seed, dtype=dtype)
    x, g = (gaussian(1, WIDTH, name=n, seed=seed, dtype=dtype) for n in ("x", "g"))
    seen = flow(network.double(), x.double(), g.double()) if dtype == torch.float64 else flow(network, x, g)
    return math.log(seen.gradient[0] / seen.gradient[-1])
