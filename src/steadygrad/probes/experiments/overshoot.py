"""Would the step overshoot with targets of any size? Its effect on the outputs, to first order, beside the errors.

Under a squared error the gradient, the step of plain gradient descent and what the step does to the outputs to first
order all grow with the errors alike: in units of the error nothing changes when targets are scaled.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.trace import call_model
from steadygrad.probes.experiments.step import Step
from steadygrad.probes.session import SEED, Session

SHORT = 1e-3
"""Norm of the displacement along the step: short for weights, whose norms are of order 1 and more, and far above rounding."""


@dataclass(frozen=True)
class Overshoot:
    """After a step whose first-order effect on the outputs is all there is.

    Fields:
        growth: the squared error after it over the one before; far above 1 the rate is too high for targets of any size.
    """

    growth: float


class OvershootExperiment:
    """Costs one step and one forward, only where a step of `torch.optim.SGD` made a squared error rise."""

    name: ClassVar[str] = "overshoot"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """After a step that made things worse."""
        step = session.results.get("step")
        risen = isinstance(step, Step) and step.before > 0.0 and step.norm > 0.0 and (step.after is None or not step.after <= step.before)
        return risen and isinstance(session.case.optimizer, torch.optim.SGD)

    def run(self, session: Session) -> Overshoot | None:
        """None unless outputs and targets are one tensor each, and the loss is a multiple of their mean squared difference."""
        assert session.traced is not None  # the step's applies() looked
        outputs = [t.detach() for _, t in named_tensors(session.traced.outputs) if t.is_floating_point()]
        targets = [t for _, t in named_tensors(session.case.targets)]
        step = session.results["step"]
        if len(outputs) != 1 or len(targets) != 1 or outputs[0].shape != targets[0].shape or not targets[0].is_floating_point():
            return None
        session.transaction.will_change_parameters()
        try:
            error = float((outputs[0] - targets[0]).double().square().mean())
            factor = step.before / error if error > 0.0 else math.nan
            if not any(math.isclose(factor, known, rel_tol=1e-3) for known in (1.0, 0.5, *_sizes(outputs[0]))):
                return None
            return self._look(session, step, outputs[0], factor)
        except Exception:
            return None
        finally:
            session.restart()

    def _look(self, session: Session, step: Step, outputs: torch.Tensor, factor: float) -> Overshoot | None:
        for name, parameter in session.parameters.items():
            gradient = session.gradients.get(name)
            parameter.grad = None if gradient is None else gradient.clone()
        session.case.optimizer.step()
        share = min(1.0, SHORT / step.norm)
        with torch.no_grad():
            for parameter in session.parameters.values():
                start = session.transaction.original(parameter)
                parameter.copy_(start + share * (parameter - start))
            torch.manual_seed(SEED)
            moved = next(t for _, t in named_tensors(call_model(session.model, session.case.inputs)) if t.is_floating_point())
        effect = float(((moved.double() - outputs.double()) / share).square().mean())
        growth = 1.0 + (step.predicted + factor * effect) / step.before
        return Overshoot(growth) if math.isfinite(growth) else None


def _sizes(outputs: torch.Tensor) -> tuple[float, ...]:
    """What a sum over everything, or over a sample's outputs, is of the mean; and half of it."""
    n, width = outputs.numel(), outputs.numel() // max(len(outputs), 1)
    return float(n), n / 2.0, float(width), width / 2.0
