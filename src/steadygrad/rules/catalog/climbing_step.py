"""O104: an optimizer that climbs the loss."""

from collections.abc import Iterator

import torch

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.step import Step
from steadygrad.rules.decay import DECIDES, decay_over_gradient
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp


class ClimbingStep(Rule):
    """The step the optimizer takes goes uphill: ⟨∂L/∂w, Δw⟩ is positive.

    Any descent method moves against the gradient, ⟨g, Δw⟩ < 0. A positive product comes from a negative learning rate,
    `maximize=True`, gradients negated before the step, or – for an optimizer already in use – momentum from an earlier
    phase, which is why a product that is positive but tiny beside ‖g‖‖Δw‖ is left alone.

    Source: Nocedal & Wright 2006, section 2.2 (descent directions).
    """

    code = "O104"
    slug = "climbing-step"
    title = "the optimizer climbs the loss"
    priority = 20
    explains = ("lr-too-high", "lr-too-low", "sharpness", "oscillation")
    thresholds = {"promise": Threshold(1e-9, "share of the loss that the step's first-order change must exceed")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs an optimizer and a loss."""
        step = evidence.experiments.get("step")
        if not isinstance(step, Step) or step.failure or not step.predicted > self.threshold("promise") * abs(step.before):
            return
        groups = evidence.optimizer.groups if evidence.optimizer is not None else ()
        if any((found := decay_over_gradient(evidence, evidence.optimizer.name, g)) and found[0] > DECIDES for g in groups):  # type: ignore[union-attr]
            return  # it follows the decay, not the loss: O107
        options = [g.options for g in evidence.optimizer.groups] if evidence.optimizer else []
        negative = [o["lr"] for o in options if isinstance(o.get("lr"), int | float) and o["lr"] < 0.0]
        why = f"its learning rate is {negative[0]:g}" if negative else ("maximize=True" if any(o.get("maximize") for o in options) else "the gradients' sign is flipped before the step")
        name = evidence.optimizer.name if evidence.optimizer else "the optimizer"
        after = "?" if step.after is None else f"{step.after:.4g}"
        yield self.finding(
            "error",
            "optimizer",
            f"{name} climbs the loss: its step has ⟨g, Δw⟩ = {step.predicted:+.2g} and takes the loss from {step.before:.4g} to {after}; {why}.",
            evidence={"predicted_change": step.predicted, "loss_before": step.before, "loss_after": step.after},
            advice="Use a positive learning rate and the gradients as autograd gives them; negate the loss only to maximize it.",
            confidence=1.0 if negative else 0.9,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Maximizing, and gradients negated in the optimizer."""
        yield Specimen("maximize=True", lambda: _with(torch.optim.SGD, maximize=True), where="optimizer")
        yield Specimen("gradients negated before the step", lambda: _with(_Flipped), where="optimizer")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Momentum and weight decay."""
        yield Specimen("momentum and weight decay", lambda: _with(torch.optim.SGD, momentum=0.9, weight_decay=1e-2))


class _Flipped(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None if parameter.grad is None else -parameter.grad
        return super().step(closure)


def _with(optimizer: type[torch.optim.SGD], **options: object) -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=optimizer(net.parameters(), lr=0.01, **options))  # type: ignore[arg-type]
