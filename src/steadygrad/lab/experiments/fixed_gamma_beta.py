"""γ and β learned, or fixed at 1 and 0: what they add."""

import copy
import math

import torch
from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.lenet import Trial, trial
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.lab.sweep import sweep
from steadygrad.normalization import BatchNorm

ARMS = {"γ and β": "batch", "γ only": "scaled", "β only": "centred", "neither": "bare"}


class FixedGammaBeta(Experiment):
    """Four LeNets at the chapter's rate; and the part of it that is algebra."""

    name = "fixed-gamma-beta"
    title = "Batch norm with γ or β fixed"
    place = "batch normalization, exercise 5"
    items = (61, 89, 90)
    claims = (
        Claim("proven", "Between ReLU layers a positive γ can be moved into the next layer's weights: only the training changes, not what can be computed."),
        Claim("measured", "With both fixed LeNet still trains."),
        Claim("hunch", "That β counts more than γ with sigmoids: it moves units out of their linear range, γ only widens it."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 192, "batch": 16, "epochs": 2, "seeds": 1, "reach": 0.2},
        "full": {"data": "fashion-mnist", "samples": 12_000, "batch": 64, "epochs": 4, "seeds": 3, "reach": 0.75},
    }

    def measure(self, bench: Bench, *, data: str, samples: int, batch: int, epochs: int, seeds: int, reach: float) -> Outcome:
        """Run."""
        cells = [Trial(data, bench.data, samples, 1.0, batch, epochs, s, norm)
            for norm in ARMS.values() for s in range(bench.seed * seeds, bench.seed * seeds + seeds)]  # fmt: skip
        flat = sweep(trial, cells, bench.progress)
        test = {name: math.fsum(t.test for t in flat[k * seeds : (k + 1) * seeds]) / seeds for k, name in enumerate(ARMS)}
        numbers = (
            Number("test accuracy with both fixed", test["neither"], reach, 0.0, "a bound", "it trains", "≥"),
            Number("largest change when γ > 0 moves through a ReLU into the next weights", _moved(bench.seed), 0.0, 1e-12,
                "float64 rounding of sums of 20 terms", "ReLU(γx) = γ·ReLU(x)"),
        )  # fmt: skip
        at = list(range(len(ARMS)))
        figure = Figure("LeNet with batch norm, by what the norms learn", Axis("learned", "case", names=tuple(ARMS)), Axis("accuracy",
            "share"), (
            series("test part", at, list(test.values()), line=False), series("training, last epoch", at,
                [math.fsum(t.on_the_way for t in flat[k * seeds : (k + 1) * seeds]) / seeds for k in at], line=False)))  # fmt: skip
        return Outcome(numbers, figure, "; ".join(f"{name}: {value:.3f}" for name, value in test.items()) + ".")


def _moved(seed: int) -> float:
    """Outputs with β = 0 and some γ, against γ = 1 and scaled weights behind."""
    model = nn.Sequential(nn.Linear(9, 20), BatchNorm(20, center=False), nn.ReLU(), nn.Linear(20, 5)).double()
    with torch.no_grad():
        for k in (0, 3):
            model[k].weight.copy_(gaussian(*model[k].weight.shape, name=f"{k}", seed=seed))
            model[k].bias.copy_(gaussian(len(model[k].bias), name=f"{k}.bias", seed=seed))
        model[1].weight.copy_(gaussian(20, name="gamma", seed=seed).abs() + 0.1)
        other = copy.deepcopy(model)
        other[3].weight.mul_(model[1].weight)
        other[1].weight.fill_(1.0)
        x = gaussian(32, 9, name="x", seed=seed)
        return float((model(x) - other(x)).abs().max())
