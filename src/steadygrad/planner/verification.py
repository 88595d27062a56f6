"""Set what a plan predicted beside what one run shows."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import nn

from steadygrad.case import Case
from steadygrad.errors import InputError
from steadygrad.graph.transaction import Transaction, transaction
from steadygrad.planner.ends import at_leaves
from steadygrad.planner.row import Layer
from steadygrad.planner.spread import activation_spread, gradient_spread
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.session import measure

if TYPE_CHECKING:
    from steadygrad.planner.plan import Plan


@dataclass(frozen=True)
class Verification:
    """Predicted and measured second moments.

    Attributes:
        layers: as predicted, with measured values; gradients relative to the outputs'.
        worst_q, worst_gradient: largest ratio of measured to predicted or the reverse, over layers whose prediction is exact.
        activation_spread: largest over smallest root mean square of the layers' outputs, as measured.
        gradient_spread: the same of the gradients of weight matrices, those that are exactly zero left out.
    """

    layers: tuple[Layer, ...]
    worst_q: float
    worst_gradient: float
    activation_spread: float
    gradient_spread: float

    def __str__(self) -> str:
        return (
            f"signals within {self.worst_q:.3g}× and gradients within {self.worst_gradient:.3g}× of the prediction; "
            f"rms of activations spread {self.activation_spread:.3g}×, of weights' gradients {self.gradient_spread:.3g}×"
        )


def observe(model: nn.Module, inputs: Any, targets: Any = None, loss_fn: Any = None) -> Evidence:
    """One run of the model in train mode, measured; everything is put back."""
    with transaction(model, inputs=inputs, targets=targets, loss_fn=loss_fn) as held:
        return observe_within(held, model, inputs, targets, loss_fn)


def observe_within(held: Transaction, model: nn.Module, inputs: Any, targets: Any = None, loss_fn: Any = None) -> Evidence:
    """The same inside a transaction that is open already, which puts everything back when it ends."""
    return measure(Case(model, inputs, targets, loss_fn), held, mode="train", depth="fast", detail="moments", experiments=())


def verify(plan: "Plan", model: nn.Module, inputs: Any, targets: Any, loss_fn: Any) -> Verification:
    """See `Plan.verify`."""
    if not plan.layers:
        raise InputError("a plan made without inputs predicts no signals to verify, got 0 layers; use plan(model, inputs)")
    return compare(plan, observe(model, inputs, targets, loss_fn))


def compare(plan: "Plan", evidence: Evidence) -> Verification:
    """A plan beside what one run of its model has shown.

    Raises:
        InputError: the run was of another model.
    """
    nodes = evidence.graph.nodes
    if any(layer.index >= len(nodes) or nodes[layer.index].label != layer.where for layer in plan.layers):
        raise InputError(f"the plan is for another model: it has {len(plan.layers)} layers that this one did not run; make a plan for it")
    scale = at_leaves(evidence)
    layers = []
    for layer in plan.layers:
        q, g = evidence.signals.get(layer.index), evidence.gradients.get(layer.index)
        layers.append(replace(layer, measured_q=None if q is None else q.moments.q, measured_gradient=None if g is None else g.moments.q / scale))
    return Verification(
        tuple(layers), _worst((x.q, x.measured_q) for x in layers if x.exact), _worst((x.gradient, x.measured_gradient) for x in layers if x.exact),
        activation_spread(evidence), gradient_spread(evidence),
    )  # fmt: skip


def _worst(pairs: Any) -> float:
    ratios = [abs(math.log(a / b)) for a, b in pairs if a and b and a > 0.0 and b > 0.0]
    return math.exp(max(ratios, default=0.0))
