"""A short rehearsal: twenty real optimizer steps on the same batch, undone afterwards; sixty where the loss rises."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygrad.probes.session import Session

STEPS = 20
MORE = 60
"""Taken in all when the loss stands above its start after twenty: a rate beyond the limit may first raise it, then lower it."""


@dataclass(frozen=True)
class Rehearsal:
    """What the loss of one batch does while it is trained on, dropout masks and all held fixed.

    Fields:
        losses: before the first step and after each, so one more than the steps taken; ends early at a loss that is
            not finite.
        promised: Σ⟨g_t, Δw_t⟩, the change of the loss that the gradients promised for the steps taken; negative for
            descent.
        failure: why the rehearsal ended early, or "".
    """

    losses: tuple[float, ...]
    promised: float
    failure: str = ""

    @property
    def finite(self) -> bool:
        """Whether every loss is a number."""
        return all(math.isfinite(value) for value in self.losses)

    @property
    def end(self) -> float:
        """Median of the last quarter of the losses: where it arrives, whatever the last step happened to do."""
        last = sorted(self.losses[-max(len(self.losses) // 4, 1) :])
        return last[len(last) // 2]

    @property
    def kept(self) -> float:
        """(L₀ − end)/|promised|: 1 − ηκ/2 for gradient descent along curvature κ, 0 at the limit of stability."""
        return (self.losses[0] - self.end) / -self.promised if self.promised < 0.0 else math.nan

    @property
    def turns(self) -> int:
        """How often the loss changes from falling to rising or back."""
        moves = [b - a for a, b in zip(self.losses, self.losses[1:], strict=False) if b != a]
        return sum((a > 0.0) != (b > 0.0) for a, b in zip(moves, moves[1:], strict=False))


class RehearsalExperiment:
    """The optimizer as it is, with its state; every step under the same seed."""

    name: ClassVar[str] = "rehearsal"
    depths: ClassVar[tuple[str, ...]] = ("full",)
    cost: ClassVar[str] = "20 training steps (60 where the loss rises) and one more forward pass; two copies of the weights and one of the optimizer's state"
    unit: ClassVar[str] = "the loss's own"

    def applies(self, session: Session) -> bool:
        """Where one step could be taken."""
        step = session.results.get("step")
        return step is not None and not step.failure and step.after is not None

    def run(self, session: Session) -> Rehearsal:
        """Train, look, undo."""
        session.transaction.will_change_parameters()
        parameters = [p for p in session.parameters.values() if p.requires_grad]
        losses: list[float] = []
        promised = 0.0
        for step in range(MORE + 1):
            loss = self._loss(session, losses)
            if not math.isfinite(losses[-1]) or step == MORE or (step == STEPS and losses[-1] <= losses[0]):
                break
            promised += self._step(session, loss, parameters)
        return Rehearsal(tuple(losses), promised)

    def _loss(self, session: Session, losses: list[float]) -> torch.Tensor:
        loss = session.loss_again()
        assert loss is not None  # the one step had one
        losses.append(float(loss.detach()))
        return loss

    def _step(self, session: Session, loss: torch.Tensor, parameters: list[torch.nn.Parameter]) -> float:
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        before = [p.detach().clone() for p in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else gradient.clone()
        session.case.optimizer.step()
        with torch.no_grad():
            products = [
                float(((p - old) * g.conj()).sum(dtype=torch.complex128 if p.is_complex() else torch.float64).real)
                for p, old, g in zip(parameters, before, gradients, strict=True)
                if g is not None
            ]
        return math.fsum(products)
