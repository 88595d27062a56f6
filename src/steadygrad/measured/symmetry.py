"""What may be done to the weights of a model without changing its function: found on the graph, believed only after trying."""

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.trace import call_model, trace
from steadygrad.graph.transaction import transaction
from steadygrad.graph.wrappers import canonical, unwrap
from steadygrad.measured.symmetry_candidates import Candidate, Change, candidates
from steadygrad.probes.experiments.rebuild import mapped

ROUNDINGS = 2.0**10
"""Times eps: sums of some thousand terms in another order, through some layers."""
DECISIVE = 0.01


@dataclass(frozen=True)
class Symmetry:
    """A group of changes that leave the function as it is.

    Attributes:
        kind: "permutation" of units, "sign" flips, positive "scale" moved from one layer to the next, "norm scale" in front of a norm,
            "head" (permutation of attention heads).
        where: the module whose units they are.
        units: how many.
        log10_count: log₁₀ of the number of equivalent networks (n!, 2ⁿ); ∞ for continuous groups.
        gap: largest change of an entry of the (largest floating) output over its largest entry, when it was tried with a random element of the group.
    """

    kind: str
    where: str
    units: int
    log10_count: float
    gap: float


def symmetries(model: nn.Module, inputs: Any, *, seed: int = 0) -> tuple[Symmetry, ...]:
    """Find and try them: between every two affine ops that only elementwise and per-channel ops separate, and in fused attention.

    Each is tried on a float64 copy (the model itself where that does not run), in eval mode, norm scales in train mode, and kept when no
    output moves by more than 2¹⁰ eps, or, in front of a norm, by a thousandth – and a control, half of the change alone, moves outputs
    by a hundred times as much: what outputs do not depend on proves nothing. Weights that are used twice are left out, and so is what
    skip connections tie together across layers. The model is left as it was.

    Raises:
        ModelError: the forward raised.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
        >>> [(s.kind, s.units, round(s.log10_count, 3)) for s in symmetries(net, torch.randn(8, 4))]
        [('permutation', 5, 2.079), ('sign', 5, 1.505)]
    """
    with transaction(model, inputs=inputs) as held, torch.no_grad():
        held.will_change_parameters()
        model, inputs = _in_double(model, inputs)
        model.eval()
        graph = trace(model, inputs).graph
        inner = unwrap(model)[0]
        state = {canonical(name): t for name, t in [*inner.named_parameters(remove_duplicate=False), *inner.named_buffers(remove_duplicate=False)]}
        before = {mode: _outputs(model, inputs, mode, seed) for mode in (False, True)}
        eps = max((torch.finfo(t.dtype).eps for t in before[False]), default=0.0)
        kept: list[Symmetry] = []
        for candidate in candidates(graph, state, torch.Generator().manual_seed(seed)):
            gap, control = (_tried(candidate, change, model, inputs, state, before, seed) for change in (candidate.change, candidate.control))
            if gap <= max(candidate.tolerance, ROUNDINGS * eps) and gap < DECISIVE * control:
                kept.append(Symmetry(candidate.kind, candidate.where, candidate.units, candidate.log10_count, gap))
    return tuple(kept)


def _in_double(model: nn.Module, inputs: Any) -> tuple[nn.Module, Any]:
    """A copy in float64, in which also what a layer scale of 1e-6 hides is seen; the model itself where a copy does not run."""
    try:
        wide = copy.deepcopy(model).double()
        asked = mapped(inputs, lambda t: t.double() if t.is_floating_point() else t)
        call_model(wide.eval(), asked)
    except (RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError):
        return model, inputs
    return wide, asked


def _tried(
    candidate: Candidate, change: Change, model: nn.Module, inputs: Any, state: dict[str, torch.Tensor], before: dict[bool, list[torch.Tensor]], seed: int
) -> float:
    saved = {name: t.clone() for name, t in state.items()}
    change(state)
    gap = _gap(before[candidate.training], _outputs(model, inputs, candidate.training, seed))
    for name, t in state.items():
        t.copy_(saved[name])
    return gap


def _outputs(model: nn.Module, inputs: Any, training: bool, seed: int) -> list[torch.Tensor]:
    model.train(training)
    torch.manual_seed(seed)
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    floating = [t for _, t in named_tensors(call_model(model, inputs)) if t.is_floating_point()]
    made = [max(floating, key=torch.Tensor.numel).detach().clone()] if floating else []
    for name, b in model.named_buffers():
        b.copy_(buffers[name])
    model.eval()
    return made


def _gap(before: list[torch.Tensor], after: list[torch.Tensor]) -> float:
    gaps = [float((b - a).abs().max()) / max(float(b.abs().max()), 1e-30) for b, a in zip(before, after, strict=True) if b.numel()]
    worst = max(gaps, default=math.inf)
    return worst if math.isfinite(worst) else math.inf
