"""Internal covariate shift and the smoothness of the landscape: what batch norm changes, and what it does not."""

import copy
import math
from typing import NamedTuple

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import plain
from steadygrad.lab.training import accuracy
from steadygrad.schemes import glorot_normal

WIDTH, HIDDEN, BATCH = 64, 8, 128
REACHES = (0.5, 1.0, 2.0, 4.0)
"""Steps along the gradient at which the loss is looked at, in units of the learning rate."""


class Noisy(nn.Module):
    """Batch norm, then noise whose mean and scale are drawn anew at every step: a shift that no optimizer can follow."""

    def __init__(self, features: int, seed: int) -> None:
        super().__init__()
        self.norm, self.generator = nn.BatchNorm1d(features), torch.Generator().manual_seed(seed)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Samples share a unit's shift and scale; nothing in eval mode."""
        y = self.norm(x)
        if not self.training:
            return y
        shift, scale = (torch.randn(x.shape[1], generator=self.generator) for _ in range(2))
        return y * (1.0 + 0.25 * scale) + 0.5 * shift


class Seen(NamedTuple):
    """Means over the looks of one training."""

    shift: float
    variation: float
    predictiveness: float
    smoothness: float
    losses: list[float]
    test: float


class CovariateShift(Experiment):
    """Eight tanh layers on digits: plain, with batch norm, with batch norm and noise behind it. Santurkar et al. 2018, arXiv:1805.11604."""

    name = "covariate-shift"
    title = "Does batch norm work by reducing internal covariate shift?"
    place = "batch normalization, controversy"
    items = (82, 83, 84)
    claims = (
        Claim("measured",
            "With distributions shifted on purpose after every norm the network still trains as far as the plain one: shift is not what matters."),
        Claim("measured", "Over a whole training gradients turn less from step to step with batch norm (cosine 0.73 against 0.39); at its start, more."),
        Claim("hunch", "That smoothness is why it helps: these are correlations on small networks."),
    )
    settings = {"tiny": {"steps": 40, "every": 10, "rate": 0.05}, "full": {"steps": 400, "every": 5, "rate": 0.05}}

    def measure(self, bench: Bench, *, steps: int, every: int, rate: float) -> Outcome:
        """Run."""
        arms = {"plain": None, "batch norm": lambda k: nn.BatchNorm1d(WIDTH), "noisy batch norm": lambda k: Noisy(WIDTH, bench.seed * 100 + k)}
        found: dict[str, Seen] = {}
        for name, make in arms.items():
            found[name] = _look(_network(make, bench.seed), steps, every, rate, bench.seed)
            bench.progress(len(found), len(arms))
        plain_, normed, noisy = found.values()
        error = 4.0 * math.sqrt(0.25 / 360)
        numbers = (
            Number("test accuracy with noisy batch norm, over plain", noisy.test - plain_.test, 0.0, error, "4·√(¼/n) of the test part",
                "Santurkar et al. 2018, fig. 2", "≥"),
            Number("test accuracy with batch norm, over plain", normed.test - plain_.test, 0.0, error, "4·√(¼/n) of the test part", "the chapter", "≥"),
            Number("cosine of gradients before and after a step, with batch norm", normed.predictiveness, 0.0, 0.0, "a bound: right more often than wrong",
                "Santurkar et al. 2018, fig. 4", "≥"),
        )  # fmt: skip
        count = list(range(1, steps + 1))
        figure = Figure("Training loss, eight tanh layers on digits", Axis("step", "updates"), Axis("cross-entropy", "nats", True), tuple(
            series(name, count, seen.losses, marks=False) for name, seen in found.items()))  # fmt: skip
        said = "; ".join(f"{name}: shift {s.shift:.3g}, loss variation {s.variation:.3g}, cosine {s.predictiveness:.3f}, "
            f"β-smoothness {s.smoothness:.3g}, test {s.test:.3f}" for name, s in found.items())  # fmt: skip
        return Outcome(numbers, figure, f"Means over training; shift: ‖G − G′‖/‖G‖ of a middle layer when earlier layers move; variation: (max − min)/loss "
            f"along the gradient. {said}.")  # fmt: skip


def _network(make: object, seed: int) -> nn.Sequential:
    linear = plain([64, *[WIDTH] * HIDDEN, 10], None, glorot_normal(), seed=seed)
    layers: list[nn.Module] = []
    for k, layer in enumerate(linear[:-1]):
        layers += [layer, *([make(k)] if make is not None else []), nn.Tanh()]  # type: ignore[operator]
    return nn.Sequential(*layers, linear[-1])


def _look(model: nn.Sequential, steps: int, every: int, rate: float, seed: int) -> Seen:
    data, generator = digits.load(), torch.Generator().manual_seed(seed)
    weights = [m.weight for m in model if isinstance(m, nn.Linear)]
    losses, looks = list[float](), list[tuple[float, float, float, float]]()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for step in range(steps):
        rows = torch.randint(0, len(data.train_x), (BATCH,), generator=generator)
        x, y = data.train_x[rows], data.train_y[rows]
        if step % every == 0:
            looks.append(_landscape(model, x, y, rate))
        loss = nn.functional.cross_entropy(model(x), y)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    shift, variation, cosine, smooth = (math.fsum(look[k] for look in looks) / len(looks) for k in range(4))
    assert len(weights) == HIDDEN + 1
    return Seen(shift, variation, cosine, smooth, losses, accuracy(model, data.test_x, data.test_y))


def _landscape(model: nn.Sequential, x: torch.Tensor, y: torch.Tensor, rate: float) -> tuple[float, float, float, float]:
    """Shift of a middle layer's gradient, loss variation, gradient predictiveness, effective smoothness; on copies."""
    start, gradient = _gradient(copy.deepcopy(model), x, y)
    middle, values, cosines, smooth = HIDDEN // 2, [start], list[float](), list[float]()
    for reach in REACHES:
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for p, g in zip(moved.parameters(), gradient, strict=True):
                p.sub_(rate * reach * g)
        value, other = _gradient(moved, x, y)
        values.append(value)
        a, b = (torch.cat([g.flatten() for g in each]) for each in (gradient, other))
        cosines.append(float(nn.functional.cosine_similarity(a, b, dim=0)))
        smooth.append(float((a - b).norm() / (rate * reach * a.norm())))
    earlier = copy.deepcopy(model)
    linear = [k for k, m in enumerate(earlier) if isinstance(m, nn.Linear)]
    names = [n for n, _ in model.named_parameters()]
    with torch.no_grad():
        for name, p, g in zip(names, earlier.parameters(), gradient, strict=True):
            if int(name.split(".")[0]) < linear[middle]:
                p.sub_(rate * g)
    place = names.index(f"{linear[middle]}.weight")
    after = _gradient(earlier, x, y)[1][place]
    shift = float((after - gradient[place]).norm() / gradient[place].norm())
    return shift, (max(values) - min(values)) / start, math.fsum(cosines) / len(cosines), max(smooth)


def _gradient(model: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> tuple[float, list[torch.Tensor]]:
    loss = nn.functional.cross_entropy(model(x), y)
    return float(loss.detach()), list(torch.autograd.grad(loss, list(model.parameters())))
