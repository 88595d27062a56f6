"""O106: steps that promise a fall of the loss and do not deliver it."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.rules.catalog.sharpness import least_squares
from steadygrad.rules.finding import Finding
from steadygrad.rules.rehearsals import course, outcome
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import Apply, batch, classification, mlp


class Oscillation(Rule):
    """Twenty optimizer steps on one and the same batch do not lower its loss, though every gradient said they would.

    To first order a step changes the loss by ⟨g, Δw⟩. Gradient descent along curvature κ keeps 1 − ηκ/2 of that: healthy
    networks 60 % to 95 % over twenty steps, at the limit of stability nothing – the loss goes up and down. Less than a
    tenth kept, with less than a tenth of the loss gone, is a warning: the rate is too large for this loss, or the gradient
    is not its gradient (a backward pass written by hand, values passed through `.data`). The error is a loss
    that has at least doubled after sixty steps and is not on its way down, or is no number any more. Full depth only; a
    rate beyond its measured limit is reported as `sharpness` instead.

    Source: Nocedal & Wright 2006, section 3.1 (sufficient decrease); Cohen et al. 2021, arXiv:2103.00065.
    """

    code = "O106"
    slug = "oscillation"
    title = "the loss of one batch does not come down"
    priority = 63
    explains = ("train-eval-gap",)
    thresholds = {"turns": Threshold(4, "changes between rising and falling in twenty steps that count as up and down")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs full depth and an optimizer."""
        rehearsal = evidence.experiments.get("rehearsal")
        if not isinstance(rehearsal, Rehearsal) or self._explained(evidence):
            return
        came_to = outcome(rehearsal)
        if came_to == "falls":
            return
        swings = rehearsal.turns >= self.threshold("turns")
        how = "goes up and down" if swings else ("grows" if came_to == "diverges" else "stays where it is")
        promised = f"{-rehearsal.promised / abs(rehearsal.losses[0]):.2g} times the loss"
        yield self.finding(
            "error" if came_to == "diverges" else "warning",
            "optimizer",
            f"Trained on this one batch the loss {how}: {course(rehearsal)}, where the gradients promised a fall of {promised}.",
            evidence={"losses": list(rehearsal.losses), "promised": rehearsal.promised, "kept": rehearsal.kept, "turns": rehearsal.turns},
            advice="Lower the learning rate tenfold. If the loss still does not follow its gradient, the gradient is wrong: check custom backward passes and `.data`.",
            confidence=0.9 if swings else 0.6,
        )

    def _explained(self, evidence: Evidence) -> bool:
        """Whether the rate is beyond its limit: that rule says it with the number."""
        curvature = evidence.experiments.get("curvature")
        scaled, limit = getattr(curvature, "rate_sharpness", None), getattr(curvature, "limit", None)
        return scaled is not None and limit is not None and scaled > limit

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Steps in a direction that only looks downhill."""
        yield Specimen("a backward pass that is not the derivative", _wrong_gradient, where="optimizer", settings={"depth": "full"})

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Near the limit, where the loss swings and falls; a straight-through estimator, whose gradient is wrong and works."""
        yield Specimen("least squares at 0.9 times its limit", lambda: least_squares(0.9), settings={"depth": "full"})
        yield Specimen("straight-through rounding", _straight_through, settings={"depth": "full"})
        yield Specimen("Adam at lr 0.01", lambda: _adam(0.01), settings={"depth": "full"})


class _Shuffled(torch.autograd.Function):
    """y = x forward; backward gives every sample the gradient of its neighbour."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g.roll(1, 0)


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return (4.0 * x).round() / 4.0

    @staticmethod
    def backward(ctx, g):
        return g


def _wrong_gradient() -> Case:
    net = nn.Sequential(mlp(16, 1), Apply(_Shuffled.apply))
    x = batch(64, 16)
    targets = x @ torch.linspace(0.5, 1.5, 16)[:, None] / 4.0
    return Case(net, x, targets, nn.functional.mse_loss, torch.optim.SGD(net.parameters(), lr=0.05))


def _straight_through() -> Case:
    net = mlp(16, 64, 64, 4)
    net = nn.Sequential(net[0], Apply(_Round.apply), *net[1:])
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.05))


def _adam(rate: float) -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=torch.optim.Adam(net.parameters(), lr=rate))
