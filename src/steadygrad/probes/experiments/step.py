"""One real optimizer step on the same batch, and back: what it changes, and what it does to the loss."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from steadygrad.errors import ModelError
from steadygrad.graph.sharded import whole
from steadygrad.probes import statistics
from steadygrad.probes.session import Session
from steadygrad.probes.statistics import Moments


@dataclass(frozen=True)
class Step:
    """The step's size and effect.

    Fields:
        before, after: the loss on the same batch under the same seed; `after` is None when it could not be computed.
        predicted: ⟨g, Δw⟩, the first-order change of the loss; negative for a descent direction.
        norm: ‖Δw‖ over all parameters.
        updates: parameter → moments of its Δw.
        stretched: (times, loss) for the longest multiple of Δw, 100 and powers of ten beyond, that was tried and still
            lowered the loss by at least half of what the gradient promises; None when a hundredfold step did not, or
            was not tried because the step alone promises a thousandth of the loss.
        failure: why there was no step, or "".
    """

    before: float
    after: float | None = None
    predicted: float = 0.0
    norm: float = 0.0
    updates: dict[str, Moments] = field(default_factory=dict)
    stretched: tuple[float, float] | None = None
    failure: str = ""

    @property
    def curvature(self) -> float:
        """κ = 2(L₁ − L₀ − ⟨g, Δw⟩)/‖Δw‖² along the step; nan without one. A quadratic loss rises when κ‖Δw‖² > 2|⟨g, Δw⟩|."""
        if self.after is None or not self.norm > 0.0:
            return math.nan
        return 2.0 * (self.after - self.before - self.predicted) / self.norm**2


SMALL = 1e-3
"""A step that promises less than this share of the loss is stretched."""
FURTHEST = 1e6
HALF = 0.5
"""On a parabola a step keeps half of its promise at its best length: beyond, a longer step no longer pays."""


class OptimizerStep:
    """Costs one step, one forward and a copy of the weights; for a tiny step up to five more forwards."""

    name: ClassVar[str] = "step"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """With an optimizer and a finite loss of the user's own."""
        traced = session.traced
        if session.case.optimizer is None or traced is None or traced.loss is None or traced.cotangent:
            return False
        return bool(torch.isfinite(traced.loss.detach())) and any(g is not None for g in session.gradients.values())

    def run(self, session: Session) -> Step:
        """Step, look, undo."""
        assert session.traced is not None  # applies() looked
        assert session.traced.loss is not None
        before = float(session.traced.loss.detach())
        session.transaction.will_change_parameters()
        try:
            return self._step(session, before)
        except ModelError:
            raise
        except Exception as error:
            return Step(before, failure=f"{type(error).__name__}: {error}")
        finally:
            session.transaction.undo_step()

    def _step(self, session: Session, before: float) -> Step:
        for name, parameter in session.parameters.items():
            gradient = session.gradients.get(name)
            parameter.grad = None if gradient is None else gradient.clone()
        session.case.optimizer.step()
        predicted, square, updates = 0.0, 0.0, {}
        with torch.no_grad():
            for name, parameter in session.parameters.items():
                change = whole(parameter.detach() - session.transaction.original(parameter))
                updates[name] = statistics.moments(change)
                square += updates[name].square
                gradient = session.gradients.get(name)
                if gradient is not None:
                    gradient = gradient.to_dense() if gradient.is_sparse else whole(gradient)
                    predicted += float((gradient * change.conj()).sum(dtype=torch.complex128 if change.is_complex() else torch.float64).real)
            after = session.loss_again()
            if after is None:
                return Step(before, None, predicted, math.sqrt(square), updates)
            stretched = self._stretched(session, before, predicted) if -SMALL * before < predicted < 0.0 else None
        return Step(before, float(after.detach()), predicted, math.sqrt(square), updates, stretched)

    def _stretched(self, session: Session, before: float, predicted: float) -> tuple[float, float] | None:
        """Walk on along Δw; multiples whose promise drowns in the rounding of the loss count as kept."""
        found, reached, times = None, 1.0, 100.0
        while times <= FURTHEST and -predicted * times < before:
            for parameter in session.parameters.values():
                start = session.transaction.original(parameter)
                parameter.add_(parameter - start, alpha=times / reached - 1.0)
            loss = session.loss_again()
            promised = -predicted * times
            kept = math.nan if loss is None else before - float(loss.detach())
            if promised > 1e-5 * before and not kept > HALF * promised:
                break
            found, reached, times = (times, before - kept), times, times * 10.0
        return found
