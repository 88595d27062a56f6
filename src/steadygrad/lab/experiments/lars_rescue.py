"""Exercise 4: a run that diverges under SGD, rescued after the fact by a learning rate per layer."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import plain
from steadygrad.lab.training import Loss, accuracy, smooth, train
from steadygrad.optim import LARS
from steadygrad.schemes import he_normal

RATE, TRUST, GAIN = 10.0, 0.001, math.sqrt(2.0)
FRAME = 1e4  # the figure ends here


def scaled_loss(factor: float) -> Loss:
    """Cross-entropy times a factor."""
    return lambda out, y: factor * nn.functional.cross_entropy(out, y)


class LarsRescue(Experiment):
    """Five ReLU layers on digits at learning rate 10: SGD and LARS, from the same weights on the same batches."""

    name = "lars-rescue"
    title = "LARS makes a diverging run converge"
    place = "numerical stability, exercise 4"
    items = (48, 55)
    claims = (
        Claim("proven", "The first LARS step changes every weight matrix by lr·η of its norm, whatever the gradient's size."),
        Claim("proven", "Without weight decay a loss times 1024 gives the same LARS run."),
        Claim("measured", "At rate 10 SGD ends above the loss of guessing, LARS well below it."),
    )
    settings = {"tiny": {"steps": 40}, "full": {"steps": 400}}

    def measure(self, bench: Bench, *, steps: int) -> Outcome:
        """Run."""
        data = digits.load()
        x, y = data.train_x.double(), data.train_y
        curves, models, first = {}, {}, []
        for name, factor in (("SGD", 1.0), ("LARS", 1.0), ("LARS, loss × 1024", 1024.0)):
            model = plain([64, 64, 64, 64, 64, 10], nn.ReLU, he_normal(), seed=bench.seed, gain=GAIN, bias=False, dtype=torch.float64)
            start = [p.detach().clone() for p in model.parameters()]
            optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9) if name == "SGD" else LARS(model.parameters(), lr=RATE, momentum=0.9,
                trust_coefficient=TRUST)
            curves[name] = train(model, x, y, optimizer, 1, loss=scaled_loss(factor))
            if name == "LARS":
                first = [float((p.detach() - s).norm() / s.norm()) for p, s in zip(model.parameters(), start, strict=True)]
            curves[name] = [v / factor for v in curves[name] + train(model, x, y, optimizer, steps - 1, loss=scaled_loss(factor), seed=2)]
            models[name] = model
            bench.progress(len(models), 3)
        chance, lost = math.log(10.0), curves["SGD"][-10:]
        parts = zip(models["LARS"].parameters(), models["LARS, loss × 1024"].parameters(), strict=True)
        apart = max(float((a.detach() - b.detach()).norm() / a.detach().norm()) for a, b in parts)
        numbers = (
            Number("smallest relative change of a matrix in the first step", min(first), RATE * TRUST, 1e-12, "float64", "lr·η"),
            Number("largest relative change of a matrix in the first step", max(first), RATE * TRUST, 1e-12, "float64", "lr·η"),
            Number("relative difference after the run when the loss is 1024 times larger", apart, 0.0, 0.0, "a power of two scales floats exactly",
                "scale invariance"),
            Number("SGD's last losses, mean of 10 (∞ where it ended)", math.fsum(lost) / len(lost) if math.isfinite(lost[-1]) else math.inf, chance, 0.05,
                "labels of batches differ from 1/10", "log 10: the loss of equal guesses", "≥"),
            Number("LARS's last losses, mean of 10", math.fsum(curves["LARS"][-10:]) / 10.0, chance / 2.0, 0.0, "a bound", "half of log 10", "≤"),
        )
        figure = Figure("Training loss on digits at learning rate 10; SGD leaves the frame", Axis("step", "updates"),
            Axis("cross-entropy, mean of 10 steps", "nats", True),
                        tuple(series(n, range(len(c)), [v if v < FRAME else math.inf for v in smooth(c)]) for n,
                            c in curves.items() if n != "LARS, loss × 1024"))
        reached = {name: accuracy(models[name], data.test_x.double(), data.test_y) for name in ("SGD", "LARS")}
        remark = f"Test accuracy: {reached['SGD']:.0%} with SGD, {reached['LARS']:.0%} with LARS."
        return Outcome(numbers, figure, remark)
