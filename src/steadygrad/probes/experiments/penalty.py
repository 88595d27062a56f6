"""What the loss asks of the weights whatever the model answers: its gradient when the outputs are held still."""

import math
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

import torch

from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session


@dataclass(frozen=True)
class Penalty:
    """The part of the gradient that does not come through the outputs: a norm of the weights that was added to the loss.

    Fields:
        over_loss: median over the weights of rms(penalty's gradient)/rms(the rest).
        over_weight: median over the weights of rms(penalty's gradient)/rms(weight): the inverse of the steps of rate 1
            after which a weight is gone.
        share: the penalty's part of the gradient's square, over all weights.
    """

    over_loss: float
    over_weight: float
    share: float


class PenaltyExperiment:
    """One evaluation of the loss on the outputs as they are, detached, and its backward pass: the model does not run."""

    name: ClassVar[str] = "penalty"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """With an optimizer and a loss of the user's own, in which no layer runs."""
        traced = session.traced
        if traced is None or traced.failure or session.case.loss_fn is None or session.case.optimizer is None or not session.gradients:
            return False
        inside = [node for node in traced.graph.nodes if node.where == "loss" and node.uses]
        return bool(inside) and all(node.kind != "affine" for node in inside)

    def run(self, session: Session) -> Penalty | None:
        """None when nothing of the gradient goes past the outputs, or the loss cannot be asked again."""
        assert session.traced is not None  # applies() looked
        outputs = mapped(session.traced.outputs, lambda t: t.detach())
        weights = {n: p for n, p in session.parameters.items() if p.requires_grad and p.ndim > 1 and session.gradients.get(n) is not None}
        try:
            torch.manual_seed(SEED)
            loss = session.loss_of(outputs)
            if outputs is None or loss is None or not loss.requires_grad or not weights:
                return None
            found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        except Exception:
            return None
        sizes = [_sizes(p.detach(), g, session.gradients[n]) for (n, p), g in zip(weights.items(), found, strict=True) if g is not None]
        sizes = [s for s in sizes if all(math.isfinite(x) for x in s) and s[0] > 0.0]
        if not sizes:
            return None
        whole = math.fsum(p * p + r * r for _, p, r in sizes)
        return Penalty(
            median(p / r if r > 0.0 else math.inf for _, p, r in sizes),
            median(p / w for w, p, _ in sizes),
            math.fsum(p * p for _, p, _ in sizes) / whole if whole > 0.0 else 0.0,
        )


def _sizes(weight: torch.Tensor, penalty: torch.Tensor, gradient: torch.Tensor | None) -> tuple[float, float, float]:
    """rms of a weight, of the penalty's gradient, and of the rest of the gradient."""
    assert gradient is not None  # run() chose those that have one
    rest = gradient.double() - penalty.double()
    return float(weight.double().square().mean().sqrt()), float(penalty.double().square().mean().sqrt()), float(rest.square().mean().sqrt())
