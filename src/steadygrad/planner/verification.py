"""Set what a plan predicted beside what one run shows."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import nn

from steadygrad.case import Case
from steadygrad.errors import InputError
from steadygrad.graph.transaction import transaction
from steadygrad.planner.blocks import branches
from steadygrad.planner.row import Layer
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments import EXPERIMENTS
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
        return measure(Case(model, inputs, targets, loss_fn), held, mode="train", depth="fast", experiments=EXPERIMENTS)


def verify(plan: "Plan", model: nn.Module, inputs: Any, targets: Any, loss_fn: Any) -> Verification:
    """See `Plan.verify`."""
    if not plan.layers:
        raise InputError("a plan made without inputs predicts no signals to verify, got 0 layers; use plan(model, inputs)")
    evidence = observe(model, inputs, targets, loss_fn)
    nodes = evidence.graph.nodes
    if any(layer.index >= len(nodes) or nodes[layer.index].label != layer.where for layer in plan.layers):
        raise InputError(f"the plan is for another model: it has {len(plan.layers)} layers that this one did not run; make a plan for it")
    end = [evidence.gradients[i].moments.q for i in evidence.graph.outputs if i in evidence.gradients]
    scale = sum(end) / len(end) if end and sum(end) > 0.0 else 1.0
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


def activation_spread(evidence: Evidence) -> float:
    """Largest over smallest rms of what affine ops, norms, activations and sums make, exact zeros left out."""
    kinds = ("affine", "norm", "activation", "join")
    found = [
        evidence.signals[n.index].moments.q for n in evidence.graph.nodes
        if n.kind in kinds and n.where != "loss" and n.index in evidence.signals and n.index in evidence.graph.feeds_weights
    ]  # fmt: skip
    return _spread(found)


def gradient_spread(evidence: Evidence) -> float:
    """Largest over smallest rms gradient per entry over weight matrices, those on branches that start silent left out."""
    silent = _silent(evidence)
    matrices = {
        use.parameters[0] for node in evidence.graph.nodes for use in node.uses
        if use.role in ("weight", "recurrent") and node.index not in silent and sum(size > 1 for size in use.shape) > 1
    }  # fmt: skip
    found = [r.gradient.moments.q for name, r in evidence.parameters.items() if name in matrices and r.gradient is not None]
    return _spread(found)


def _silent(evidence: Evidence) -> set[int]:
    """Ops on residual branches whose last scale is so small that the branch adds less than a thousandth of what it could."""
    found: set[int] = set()
    for branch in branches(evidence.graph).values():
        reading = evidence.parameters.get(branch.handle[1].parameters[0]) if branch.handle else None
        scale = branch.handle is not None and branch.handle[1].role == "scale"
        if reading is not None and reading.value.moments.q <= (1e-6 if scale else 0.0):
            found |= branch.inner
    return found


def _spread(squares: list[float]) -> float:
    positive = [q for q in squares if q > 0.0 and math.isfinite(q)]
    return math.sqrt(max(positive) / min(positive)) if positive else 1.0
