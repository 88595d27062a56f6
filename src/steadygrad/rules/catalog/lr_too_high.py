"""O101: a learning rate whose first step makes things worse."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.probes.experiments.step import Step
from steadygrad.rules.finding import Finding
from steadygrad.rules.rehearsals import course, outcome
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp
from steadygrad.rules.steps import step_sizes, typical
from steadygrad.rules.weights import share_before_norms


class LrTooHigh(Rule):
    """One step of the optimizer, taken for real on the same batch and undone, makes the loss rise instead of fall.

    To second order L₁ − L₀ = ⟨g, Δw⟩ + ½κ‖Δw‖², κ the curvature along the step. A descent step raises the loss only when
    it is more than twice as long as the best one (κ‖Δw‖² > 2|⟨g, Δw⟩|): past the stability limit 2/κ, where gradient
    descent diverges along that direction. A step whose promised fall is many times the whole (positive) loss overshoots as
    well, also where saturation keeps the loss from rising – but not where most weights stand before norms, which take the length out
    of such a step: published networks with batch norm promise falls of 50 times the loss at the rates they are trained with. Error
    then, or when the loss at least doubles or is no longer finite, or when it rises and the typical weight changed by more than its
    own size; a rise of a tenth is a warning, and so is a step that overshoots and took a tenth of the loss away. At full depth twenty
    steps are taken: a loss that has come down after them (catapult) leaves a warning.

    Source: LeCun et al. 1998, "Efficient BackProp", section 5 (η < 2/λ_max); Cohen et al. 2021, arXiv:2103.00065.
    """

    code = "O101"
    slug = "lr-too-high"
    title = "the first step makes the loss rise"
    priority = 60
    explains = ("train-eval-gap", "sharpness", "oscillation")
    thresholds = {
        "rise": Threshold(0.1, "relative rise of the loss on the batch the step was computed from"),
        "double": Threshold(2.0, "a loss that doubles on its own batch has left the region the gradient speaks about"),
        "overshoot": Threshold(10.0, "the gradient promises a fall of ten times the whole loss: the step ends far outside of where it holds"),
        "served": Threshold(0.9, "a step that takes a tenth of the loss away has served on this batch, however much its gradient promised: a warning"),
        "replaced": Threshold(1.0, "median rms(Δw)/rms(w): one step replaces the weights"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs an optimizer and a loss."""
        step = evidence.experiments.get("step")
        if not isinstance(step, Step) or step.failure or step.after is None or not step.predicted < 0.0:
            return
        sizes = step_sizes(evidence)
        ratio = typical(sizes)
        finite = math.isfinite(step.after)
        overshoots = 0.0 < self.threshold("overshoot") * step.before < -step.predicted and share_before_norms(evidence) < 0.5
        served = step.after < self.threshold("served") * step.before
        rise = (step.after - step.before) / max(abs(step.before), 1e-12) if finite else math.inf
        replaced = ratio > self.threshold("replaced")
        if rise <= self.threshold("rise") and not (replaced and rise > 0.0) and not overshoots:
            return
        worst = max(sizes, key=lambda s: s.ratio) if sizes else None
        serious = (overshoots and not served) or not finite or step.after >= self.threshold("double") * abs(step.before) or (replaced and rise > 0.0)
        rehearsal = evidence.experiments.get("rehearsal")
        recovers = isinstance(rehearsal, Rehearsal) and outcome(rehearsal) == "falls" and rehearsal.end < rehearsal.losses[0]
        yield self._finding(evidence, step, "error" if serious and not recovers else "warning", ratio, worst.name if worst else "")

    def _finding(self, evidence: Evidence, step: Step, severity, ratio: float, worst: str) -> Finding:
        rates = [group.options.get("lr") for group in evidence.optimizer.groups] if evidence.optimizer else []
        rate = next((r for r in rates if isinstance(r, float | int)), None)
        safe = self._safe(step, rate)
        rehearsal = evidence.experiments.get("rehearsal")
        later = f" Trained on, the loss goes {course(rehearsal)}." if isinstance(rehearsal, Rehearsal) else ""
        after = f"{step.after:.3g}" if step.after is not None and math.isfinite(step.after) else "no finite number"
        name = evidence.optimizer.name if evidence.optimizer else "the optimizer"
        return self.finding(
            severity,
            "optimizer",
            f"The learning rate is too high: one step of {name} (lr {rate:g}) on this batch takes its loss from {step.before:.3g} to {after}"
            f" where the gradient promised {step.before + step.predicted:.3g}; the typical weight changes by {ratio:.2g} of itself.{later}",
            evidence={
                "lr": rate, "loss_before": step.before, "loss_after": step.after, "predicted_change": step.predicted,
                "update_to_weight": ratio, "most_changed": worst, "curvature_along_step": step.curvature, "suggested_lr": safe,
            },
            advice=f"Lower the learning rate; on this batch about {safe:.1g} is the best step along this direction." if safe else "Lower the learning rate by factors of ten until one step lowers the loss.",
            snippet=f"for group in optimizer.param_groups:\n    group['lr'] = {safe:.1g}" if safe else "",
        )  # fmt: skip

    def _safe(self, step: Step, rate: float | None) -> float | None:
        """lr·|⟨g, Δw⟩|/(κ‖Δw‖²): the minimum of the measured parabola; None when it is not one."""
        curve = step.curvature * step.norm**2
        if rate is None or not math.isfinite(curve) or curve <= 0.0:
            return None
        return rate * -step.predicted / curve

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Healthy networks, absurd rates."""
        yield Specimen("SGD at lr 100", lambda: _with(torch.optim.SGD, 100.0), where="optimizer")
        yield Specimen("Adam at lr 1", lambda: _with(torch.optim.Adam, 1.0), where="optimizer")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same at usual rates."""
        yield Specimen("SGD at lr 0.1", lambda: _with(torch.optim.SGD, 0.1))
        yield Specimen("Adam at lr 1e-3", lambda: _with(torch.optim.Adam, 1e-3))
        yield Specimen("twelve layers with batch norm, SGD at lr 0.4 with momentum", _normed)


def _normed(rate: float = 0.4) -> Case:
    """A step promises many times the loss here, and it trains."""
    linear = mlp(16, *[64] * 12, 4)
    layers = [m for layer in linear[:-1] for m in ((layer, nn.BatchNorm1d(64)) if isinstance(layer, nn.Linear) else (layer,))]
    net = nn.Sequential(*layers, linear[-1])
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9))


def _with(optimizer: type[torch.optim.Optimizer], rate: float) -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=optimizer(net.parameters(), lr=rate))  # type: ignore[call-arg]
