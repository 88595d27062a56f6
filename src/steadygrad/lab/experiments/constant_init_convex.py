"""Exercise 2: may all weights of linear and softmax regression start equal? Yes: one minimum, reached from everywhere."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian

RIDGE = 0.1


class ConstantInitConvex(Experiment):
    """Ridge softmax regression and ridge linear regression on digits, accelerated gradient descent from three starts."""

    name = "constant-init-convex"
    title = "Linear and softmax regression may start at a constant"
    place = "numerical stability, exercise 2"
    items = (26,)
    claims = (
        Claim("proven", "Both losses are convex; with a ridge μ the gap to the minimum is at most ‖gradient‖²/(2μ), wherever one started."),
        Claim("measured", "From 0, from 0.5 everywhere and from random weights accelerated gradient descent reaches one loss within that bound."),
    )
    settings = {"tiny": {"steps": 120, "samples": 100}, "full": {"steps": 1000, "samples": 1437}}

    def measure(self, bench: Bench, *, steps: int, samples: int) -> Outcome:
        """Run."""
        data = digits.load()
        x = torch.cat([data.train_x[:samples].double(), torch.ones(samples, 1, dtype=torch.float64)], 1)
        hot = nn.functional.one_hot(data.train_y[:samples], 10).double()
        top = float(torch.linalg.matrix_norm(x, 2)) ** 2 / len(x)
        starts = {"zeros": torch.zeros(65, 10, dtype=torch.float64), "0.5 everywhere": torch.full((65, 10), 0.5, dtype=torch.float64),
            "random, N(0, 1)": gaussian(65, 10, name="w", seed=bench.seed)}
        numbers, lines = [], []
        best = _normal_equations(x, hot)
        for kind, curvature in (("softmax", 0.5 * top + RIDGE), ("linear", top + RIDGE)):
            ends = {}
            for name, start in starts.items():
                curve, gap = _descend(kind, x, hot, start, 1.0 / curvature, steps)
                ends[name] = (curve[-1], gap)
                if kind == "softmax":
                    lines.append(series(name, range(1, len(curve) + 1), curve))
            for name, (loss, gap) in ends.items():
                if kind == "linear":
                    numbers.append(Number(f"ridge linear regression from {name}: loss", loss, best, gap + 1e-12, "‖gradient‖²/(2μ) at the end",
                        "normal equations"))
                elif name != "zeros":
                    numbers.append(Number(f"ridge softmax regression from {name}: loss above that from zeros", loss - ends["zeros"][0], 0.0, max(gap,
                        ends["zeros"][1]) + 1e-13, "larger ‖gradient‖²/(2μ) of the two ends, and rounding", "one minimum"))
        figure = Figure("Ridge softmax regression on digits by accelerated gradient descent", Axis("step + 1", "updates", True), Axis("loss", "nats", True),
            tuple(lines))
        return Outcome(tuple(numbers), figure, "A hidden layer ends this: see `symmetry`.")


def _loss(kind: str, x: torch.Tensor, hot: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    z = x @ w
    data = (torch.logsumexp(z, 1) - (z * hot).sum(1)).mean() if kind == "softmax" else 0.5 * (z - hot).square().sum(1).mean()
    return data + 0.5 * RIDGE * w.square().sum()


def _descend(kind: str, x: torch.Tensor, hot: torch.Tensor, start: torch.Tensor, rate: float, steps: int) -> tuple[list[float], float]:
    """Losses under Nesterov's method with the momentum for strong convexity, and the bound on the gap that is left."""
    root = math.sqrt(RIDGE * rate)
    w, momentum, curve = start, (1.0 - root) / (1.0 + root), []
    ahead = w.clone().requires_grad_(True)
    for _ in range(steps + 1):
        loss = _loss(kind, x, hot, ahead)
        (g,) = torch.autograd.grad(loss, ahead)
        curve.append(float(loss.detach()))
        after = ahead.detach() - rate * g
        w, ahead = after, (after + momentum * (after - w)).requires_grad_(True)
    return curve, float(g.square().sum()) / (2.0 * RIDGE)


def _normal_equations(x: torch.Tensor, hot: torch.Tensor) -> float:
    """The least ridge loss of linear regression, from a linear solve."""
    w = torch.linalg.solve(x.T @ x / len(x) + RIDGE * torch.eye(65, dtype=torch.float64), x.T @ hot / len(x))
    return float(_loss("linear", x, hot, w))
