"""Case study 2.3: large weights and a large learning rate – gradients grow from layer to layer and nothing converges."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import ERROR, factor_error, log_factor, plain
from steadygrad.lab.training import accuracy, guess_error, guessing, smooth, train
from steadygrad.optim import AGC
from steadygrad.schemes import lecun_normal, normal
from steadygrad.theory import activations, maps

DEPTH, WIDTH, RATE = 10, 64, 0.5


class LargeWeightsLargeLr(Experiment):
    """Ten tanh layers of N(0, 1) weights at learning rate 0.5 on digits, and three attempts at a rescue."""

    name = "large-weights-large-lr"
    title = "Large weights and a large learning rate: gradients explode, training does not converge"
    place = "model initialization, case 2.3"
    items = (6, 55, 56)
    claims = (
        Claim("proven", "A wide tanh network with σ_w² = 64 is chaotic: squared gradients grow by χ₁ = 4.5 per layer towards the input."),
        Claim("measured", "At learning rate 0.5 the loss stays above that of guessing; weights of σ_w = 1 learn."),
        Claim("measured", "Clipping bounds the step, not the chaos: see the curves of clipping and AGC."),
    )
    settings = {"tiny": {"steps": 25, "width": 128, "seeds": 3}, "full": {"steps": 600, "width": 512, "seeds": 40}}

    def measure(self, bench: Bench, *, steps: int, width: int, seeds: int) -> Outcome:
        """Run."""
        data = digits.load()
        runs = {"N(0, 1), rate 0.5": (1.0, RATE, ""), "the same, clipped to norm 1": (1.0, RATE, "clip"), "the same, AGC": (1.0, RATE, "agc"),
            "σ_w = 1, rate 0.05": (0.0, 0.05, "")}
        curves, reached = {}, {}
        for name, (std, rate, rescue) in runs.items():
            model = plain([64, *[WIDTH] * DEPTH, 10], nn.Tanh, normal(std) if std else lecun_normal(), seed=bench.seed)
            optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
            agc = AGC(optimizer) if rescue == "agc" else None
            clip = (lambda m=model: nn.utils.clip_grad_norm_(m.parameters(), 1.0)) if rescue == "clip" else (lambda: None)
            curves[name] = train(model, data.train_x, data.train_y, optimizer, steps, each=clip)
            reached[name] = accuracy(model, data.test_x, data.test_y)
            if agc is not None:
                agc.remove()
            bench.progress(len(curves), len(runs) + 1)
        sick, well = "N(0, 1), rate 0.5", "σ_w = 1, rate 0.05"
        last = {name: math.fsum(curve[-10:]) / 10.0 for name, curve in curves.items()}
        numbers = (
            _growth(width, seeds, bench.seed),
            Number("last losses of the large weights, mean of 10", last[sick], math.log(10.0), 0.0, "a bound", "log 10: the loss of equal guesses", "≥"),
            Number("last losses of σ_w = 1, mean of 10", last[well], math.log(10.0), 0.0, "a bound", "log 10: the loss of equal guesses", "≤"),
            Number("test accuracy of σ_w = 1", reached[well], guessing(data.test_y) + guess_error(data.test_y), 0.0, "4·√(p(1 − p)/360) above guessing",
                "better than any guess", "≥"),
        )
        count = range(steps)
        figure = Figure("Training loss on digits, ten tanh layers", Axis("step", "updates"), Axis("cross-entropy, mean of 10 steps", "nats", True),
            tuple(series(n, list(count)[: len(c)], smooth(c)) for n, c in curves.items()))
        return Outcome(numbers, figure, "Test accuracy: " + ", ".join(f"{v:.0%} ({n})" for n, v in reached.items()) + ".")


def _growth(width: int, seeds: int, seed: int) -> Number:
    """Log growth of squared gradients per layer at σ_w² = 64."""
    tanh, variance = activations.get("tanh"), 64.0
    measured = log_factor(nn.Tanh, lecun_normal(), gain=math.sqrt(variance), width=width, depth=DEPTH, seeds=seeds, seed=seed)
    error = factor_error(tanh, maps.q_star(tanh, variance).q, width=width, depth=DEPTH, seeds=seeds)
    return Number(f"log growth of squared gradients per layer, {width} wide", measured, math.log(maps.chi_1(tanh, variance)), error, ERROR,
        "theory.maps.chi_1 at σ_w² = 64")
