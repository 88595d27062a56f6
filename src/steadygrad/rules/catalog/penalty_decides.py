"""L117: a penalty on the weights that outweighs the loss it was added to."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.penalty import Penalty
from steadygrad.rules.decay import COUPLED, DECIDES
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp
from steadygrad.rules.steps import momentum


class PenaltyDecides(Rule):
    """A norm of the weights in the loss pulls harder at them than the answers do, and soon has its way.

    The loss is asked once more with the outputs held still: the gradient that is left is the penalty's, 2λw for λΣw².
    Steps follow the sum of both. Where the penalty's part is ten times the rest on the typical weight, and would bring
    weights to nothing within a hundred steps, what remains is a network that answers a constant. Penalties are meant to
    be small (λ of 1e-4 to 1e-3 on a mean loss); 0.01 to 0.1 on a *sum* of squares or absolute values is not.

    Source: Krogh & Hertz 1992, "A simple weight decay can improve generalization"; Loshchilov & Hutter 2019,
    arXiv:1711.05101 (with Adam the penalty is divided by its own size).
    """

    code = "L117"
    slug = "penalty-decides"
    title = "penalty on the weights outweighs the loss"
    priority = 16
    explains = ("loss-at-start", "lr-too-high", "lr-too-low", "oscillation", "sharpness")
    thresholds = {
        "over": Threshold(DECIDES, "rms of the penalty's gradient over that of the rest, on the typical weight: the loss decides a tenth of a step"),
        "steps": Threshold(100.0, "steps after which the penalty alone has taken the typical weight to nothing"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs an optimizer."""
        penalty, optimizer = evidence.experiments.get("penalty"), evidence.optimizer
        if not isinstance(penalty, Penalty) or optimizer is None or penalty.over_loss <= self.threshold("over"):
            return
        left = self._steps_left(evidence, penalty)
        if left is None or left > self.threshold("steps"):
            return
        over = f"{penalty.over_loss:.2g}×" if math.isfinite(penalty.over_loss) else "infinitely"
        yield self.finding(
            "warning",
            "loss",
            f"A penalty in the loss pulls at the typical weight {over} as hard as the answers do, and at this learning rate takes it to nothing in"
            f" {left:.0f} steps: what remains is a constant answer.",
            evidence={"over_loss": min(penalty.over_loss, 1e9), "over_weight": penalty.over_weight, "share": penalty.share, "steps": left},
            advice="Take a mean instead of a sum over the weights, or a factor a hundred to a thousand times smaller.",
            snippet="loss = loss_fn(outputs, targets) + 1e-4 * sum(p.square().sum() for p in model.parameters())",
        )

    def _steps_left(self, evidence: Evidence, penalty: Penalty) -> float | None:
        """1/(lr · pull) of SGD, momentum counted; rms(w)/lr of what divides gradients by their size; None for other optimizers."""
        assert evidence.optimizer is not None  # examine() looked
        name = evidence.optimizer.name.lower()
        rates = [float(r) for g in evidence.optimizer.groups if isinstance(r := g.options.get("lr"), int | float) and r > 0.0]
        if not rates or not penalty.over_weight > 0.0:
            return None
        if name == "sgd":
            mu = momentum(evidence.optimizer)
            return (1.0 - mu) / (max(rates) * penalty.over_weight) if mu < 1.0 else None
        sizes = [p.value.moments.rms for n, p in evidence.parameters.items() if p.gradient is not None and len(evidence.graph.parameters[n].shape) > 1]
        return sorted(sizes)[len(sizes) // 2] / max(rates) if name in (*COUPLED, "adamw") and sizes else None

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Factors near one on a sum of squares and of absolute values."""
        yield Specimen("SGD, 1 × Σw²", lambda: _penalized(1.0, torch.square, torch.optim.SGD, 0.01), where="loss")
        yield Specimen("Adam, 0.5 × Σ|w|", lambda: _penalized(0.5, torch.abs, torch.optim.Adam, 5e-3), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Usual factors; a strong one with a rate that takes thousands of steps."""
        yield Specimen("1e-4 × Σw²", lambda: _penalized(1e-4, torch.square, torch.optim.SGD, 0.1))
        yield Specimen("1e-4 × Σ|w|", lambda: _penalized(1e-4, torch.abs, torch.optim.Adam, 1e-3))
        yield Specimen("1e-2 × mean of squares", lambda: _penalized(1e-2 / 1088, torch.square, torch.optim.Adam, 1e-3))


def _penalized(factor: float, size: Callable[[torch.Tensor], torch.Tensor], optimizer: type[torch.optim.Optimizer], rate: float) -> Case:
    net: nn.Sequential = mlp(16, 32, 32, 4)
    case = classification(net, optimizer=optimizer(net.parameters(), lr=rate))  # type: ignore[call-arg]
    return Case(net, case.inputs, case.targets, lambda z, y: cross_entropy(z, y) + factor * sum(size(p).sum() for p in net.parameters()), case.optimizer)
