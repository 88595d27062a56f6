"""L106: a loss that grows with the batch."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.probes.experiments.step import Step
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp


class LossSum(Rule):
    """The loss adds over the batch instead of averaging.

    Asked of the loss itself: on the two halves of the batch a mean gives l₁ + l₂ = 2l, a sum l₁ + l₂ = l. With a sum
    every gradient is N times that of a mean, so the learning rate that suits a batch of 32 diverges with 256, and the
    last, smaller batch of an epoch counts less. Adam and its like do not mind; SGD, clipping and weight decay do.

    A warning; the error when a step or a gradient breaks by it. A step that would overshoot at an Nth of its length as well does
    not break by the sum, which is then a note: on the parabola through what was measured, −a·s + b·s² at the share s of the step,
    that is b > N·a.

    Source: Goyal et al. 2017, arXiv:1706.02677, section 3 (keep the per-sample loss normalized by the batch).
    """

    code = "L106"
    slug = "loss-sum"
    title = "loss grows with the batch"
    priority = 42
    explains = ("lr-too-high", "exploding-gradient", "loss-at-start", "nonfinite-backward", "half-range", "sharpness")
    thresholds = {
        "tolerance": Threshold(0.05, "how far (l₁ + l₂)/l may be from 1: a sum gives 1 to rounding, a mean 2"),
        "samples": Threshold(4, "fewer samples do not tell a sum from chance"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        probe = evidence.experiments.get("loss")
        n = evidence.conditions.batch_size or 0
        if not isinstance(probe, LossProbe) or probe.halves is None or not probe.value or n < self.threshold("samples"):
            return
        ratio = sum(probe.halves) / probe.value
        if abs(ratio - 1.0) > self.threshold("tolerance") or min(probe.halves) * probe.value <= 0.0:
            return
        op = evidence.loss.op if evidence.loss is not None else "custom"
        yield self.finding(
            "note" if _overshoots_anyway(evidence, n) else "warning",
            "loss",
            f"The loss adds over the batch: {probe.halves[0]:.4g} + {probe.halves[1]:.4g} on the halves, {probe.value:.4g} on all {n} samples;"
            f" gradients are {n} times those of a mean.",
            evidence={"halves": probe.halves, "whole": probe.value, "samples": n, "ratio": ratio},
            advice="Average over the batch (reduction='mean'), so that the learning rate does not depend on the batch size.",
            snippet="loss = loss_fn(outputs, targets) / len(targets)" if op == "custom" else f"torch.nn.functional.{op}(outputs, targets, reduction='mean')",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """reduction='sum'; a sum by hand."""
        yield Specimen("cross_entropy with reduction='sum'", lambda: _with(nn.CrossEntropyLoss(reduction="sum")), where="loss")
        yield Specimen("a sum by hand", lambda: _with(lambda z, y: -z.log_softmax(1).gather(1, y[:, None]).sum()), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A mean over samples; a sum over features under a mean over samples."""
        yield Specimen("mean", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("sum over features, mean over samples", lambda: _with(_per_sample))


def _overshoots_anyway(evidence: Evidence, samples: int) -> bool:
    step = evidence.experiments.get("step")
    if not isinstance(step, Step) or not step.predicted < 0.0:
        return False
    rise = 0.5 * step.curvature * step.norm**2
    return math.isfinite(rise) and rise > -samples * step.predicted


def _per_sample(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (outputs - nn.functional.one_hot(targets, 4)).square().sum(1).mean()


def _with(loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, loss_fn)
