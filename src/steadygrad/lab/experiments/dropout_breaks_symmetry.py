"""SGD keeps equal units equal; dropout behind them tells them apart, dropout before them does not."""

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import plain
from steadygrad.lab.training import train
from steadygrad.schemes import constant

UNITS, RATE, DROPPED = 8, 0.2, 0.5


class DropoutBreaksSymmetry(Experiment):
    """Eight tanh units that start equal, trained on digits with dropout nowhere, on the inputs, and on the units."""

    name = "dropout-breaks-symmetry"
    title = "Dropout on the hidden units breaks their symmetry, dropout on the inputs does not"
    place = "numerical stability, symmetry"
    items = (21, 22)
    claims = (
        Claim("proven", "Equal units see the same masked inputs: dropout on inputs gives all of them one gradient."),
        Claim("proven", "Masks on the units differ with probability 1 − 2^(−batch) per pair at p = ½: then so do their gradients."),
        Claim("measured", "Rows stay equal to the last bit in the first two cases, and are all different in the third."),
    )
    settings = {"tiny": {"steps": 12}, "full": {"steps": 400}}

    def measure(self, bench: Bench, *, steps: int) -> Outcome:
        """Run."""
        data = digits.load()
        x, y = data.train_x.double(), data.train_y
        numbers, lines = [], []
        for name, place, distinct in (("no dropout", None, 1), ("dropout on the inputs", 0, 1), ("dropout on the units", 2, UNITS)):
            torch.manual_seed(bench.seed)
            first, act, last = plain([64, UNITS, 10], nn.Tanh, constant(0.1), seed=bench.seed, dtype=torch.float64)
            layers: list[nn.Module] = [first, act, last]
            if place is not None:
                layers.insert(place, nn.Dropout(DROPPED))
            model = nn.Sequential(*layers)
            apart: list[float] = []
            train(model, x, y, torch.optim.SGD(model.parameters(), lr=RATE), steps, each=lambda apart=apart, w=first.weight: apart.append(_apart(w)))
            apart.append(_apart(first.weight))
            rows = len(torch.unique(first.weight.detach(), dim=0))
            numbers.append(Number(f"different rows of 8, {name}", rows, distinct, 0.0, "a count; chance of failure below 28·2⁻¹²⁸",
                "equal or unequal gradients"))
            if distinct == 1:
                numbers.append(Number(f"largest difference between rows, {name}", max(apart), 0.0, 0.0, "same operations on same numbers", "equal gradients"))
            else:
                numbers.append(Number(f"difference between rows, {name}", apart[-1], 0.0, 0.0, "more than none", "unequal gradients", "≥"))
            lines.append(series(name, range(steps + 1), apart))
        figure = Figure("Difference between the weights of units that started equal", Axis("step", "updates"), Axis("rms difference to the first unit",
            "weight units"), tuple(lines))
        return Outcome(tuple(numbers), figure, "All eight weights into a layer and out of it start at 0.1.")


def _apart(weight: torch.Tensor) -> float:
    """Rms difference between rows and the first one."""
    w = weight.detach()
    return float((w - w[0]).square().mean().sqrt())
