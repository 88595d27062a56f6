"""What may be done to the weights of a model without changing its function: found on the graph, believed only after trying."""

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.graph.trace import call_model, trace
from steadygrad.graph.transaction import transaction
from steadygrad.graph.wrappers import canonical, unwrap
from steadygrad.probes.experiments.rebuild import mapped

ROUNDINGS = 2.0**10
"""Times eps: sums of some thousand terms in another order, through some layers."""
NORM_EPSILON = 1e-3
"""Norms add their eps to the variance: scaling in front of one changes outputs by eps/variance."""
DECISIVE = 0.01
THROUGH = ("activation", "dropout", "scale", "shift", "pointwise", "cast", "view", "pool", "norm")


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


Change = Callable[[dict[str, torch.Tensor]], None]


class _Candidate(NamedTuple):
    kind: str
    where: str
    units: int
    log10_count: float
    change: Change
    control: Change
    tolerance: float = 0.0
    training: bool = False


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
        for candidate in _candidates(graph, state, torch.Generator().manual_seed(seed)):
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
    candidate: "_Candidate", change: Change, model: nn.Module, inputs: Any, state: dict[str, torch.Tensor], before: dict[bool, list[torch.Tensor]], seed: int
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


def _candidates(graph: SignalGraph, state: dict[str, torch.Tensor], generator: torch.Generator) -> Iterator[_Candidate]:
    used = Counter(name for node in graph.nodes for use in node.uses for name in use.parameters)
    for node in graph.nodes:
        if node.kind == "attention":
            yield from _heads(graph, node, state, generator, used)
        weight = _weight(node, used)
        if weight is None or weight.unit_axis is None:
            continue
        between, following = _follow(graph, node)
        units = weight.shape[weight.unit_axis]
        norms = [n for n in between if n.kind == "norm"]
        if norms:
            yield _Candidate("norm scale", node.where, units, math.inf, _scaled(_own(node)), _flipped(_own(node), units), NORM_EPSILON, True)
        reader = _weight(following, used) if following is not None else None
        if units < 2 or reader is None or reader.unit_axis is None or reader.shape[_input_axis(reader)] % units:
            continue
        order = torch.randperm(units, generator=generator)
        while units > 1 and bool((order == torch.arange(units)).all()):
            order = torch.randperm(units, generator=generator)
        factorial = math.lgamma(units + 1) / math.log(10.0)
        yield _Candidate("permutation", node.where, units, factorial, *_permuted(node, between, reader, order, state))
        if not norms:
            signs = 1.0 - 2.0 * (torch.arange(units) % 2)[torch.randperm(units, generator=generator)]
            yield _Candidate("sign", node.where, units, units * math.log10(2.0), *_multiplied(node, reader, signs))
            powers = torch.exp2(torch.randint(-1, 2, (units,), generator=generator).double())
            powers[0] = 2.0
            yield _Candidate("scale", node.where, units, math.inf, *_multiplied(node, reader, powers))


def _weight(node: Node, used: Counter[str]) -> ParameterUse | None:
    """The weight of an ungrouped affine op, when nothing else uses it."""
    found = [u for u in node.uses if u.role == "weight" and not u.derived and u.unit_axis is not None]
    if node.kind != "affine" or len(found) != 1 or node.options.get("groups", 1) != 1 or used[found[0].parameters[0]] != 1:
        return None
    return found[0]


def _input_axis(use: ParameterUse) -> int:
    return 1 if use.unit_axis == 0 else 0


def _follow(graph: SignalGraph, node: Node) -> tuple[list[Node], Node | None]:
    """Ops that see nothing but this result, and the one op behind them; None where there are several, or an output of the model."""
    region, between, exits = {node.index}, list[Node](), list[Node]()
    for other in graph.nodes[node.index + 1 :]:
        if not region.intersection(other.inputs):
            continue
        if other.kind in (*THROUGH, "join") and region.issuperset(other.inputs):
            region.add(other.index)
            between.append(other)
        else:
            exits.append(other)
    return between, exits[0] if len(exits) == 1 and not region.intersection(graph.outputs) else None


def _own(node: Node) -> list[tuple[str, int | None]]:
    """Weight and bias of an op with the axis of its units; a bias has but one."""
    return [(u.parameters[0], u.unit_axis if u.role == "weight" else 0) for u in node.uses if u.role in ("weight", "bias") and not u.derived]


def _scaled(own: list[tuple[str, int | None]]) -> Change:
    def change(state: dict[str, torch.Tensor]) -> None:
        for name, _ in own:
            state[name].mul_(2.0)

    return change


def _flipped(own: list[tuple[str, int | None]], units: int) -> Change:
    signs = 1.0 - 2.0 * (torch.arange(units) % 2)

    def change(state: dict[str, torch.Tensor]) -> None:
        for name, axis in own:
            _times(state[name], axis or 0, signs)

    return change


def _permuted(node: Node, between: list[Node], reader: ParameterUse, order: torch.Tensor, state: dict[str, torch.Tensor]) -> tuple[Change, Change]:
    names = dict(_own(node))
    for other in between:
        for use in other.uses:
            if use.shape == (len(order),):
                names.update(dict.fromkeys(use.parameters, 0))
        if other.kind == "norm":
            prefix = f"{other.where}." if other.where else ""
            names.update({n: 0 for n, t in state.items() if n.startswith(prefix) and "." not in n[len(prefix) :] and tuple(t.shape) == (len(order),)})

    def half(state: dict[str, torch.Tensor]) -> None:
        for name, axis in names.items():
            state[name].copy_(state[name].index_select(axis or 0, order.to(state[name].device)))

    def change(state: dict[str, torch.Tensor]) -> None:
        half(state)
        _gather(state[reader.parameters[0]], _input_axis(reader), order)

    return change, half


def _multiplied(node: Node, reader: ParameterUse, factors: torch.Tensor) -> tuple[Change, Change]:
    def half(state: dict[str, torch.Tensor]) -> None:
        for name, axis in _own(node):
            _times(state[name], axis or 0, factors)

    def change(state: dict[str, torch.Tensor]) -> None:
        half(state)
        _times(state[reader.parameters[0]], _input_axis(reader), 1.0 / factors)

    return change, half


def _gather(tensor: torch.Tensor, axis: int, order: torch.Tensor) -> None:
    """Units along an axis in another order; an axis of n·r entries is read as n units of r positions."""
    positions = tensor.shape[axis] // len(order)
    index = (order[:, None] * positions + torch.arange(positions)).flatten()
    tensor.copy_(tensor.index_select(axis, index.to(tensor.device)))


def _times(tensor: torch.Tensor, axis: int, factors: torch.Tensor) -> None:
    spread = factors.repeat_interleave(tensor.shape[axis] // len(factors)).to(tensor)
    tensor.mul_(spread.view([-1 if k == axis else 1 for k in range(tensor.ndim)]))


def _heads(graph: SignalGraph, node: Node, state: dict[str, torch.Tensor], generator: torch.Generator, used: Counter[str]) -> Iterator[_Candidate]:
    """Heads of fused attention: rows of the projections in front, columns of the one behind."""
    shape = graph.nodes[node.inputs[0]].outputs[0].shape if node.inputs else ()
    sources = [_upstream_affine(graph, i, used) for i in node.inputs[:3]]
    _, following = _follow(graph, node)
    reader = _weight(following, used) if following is not None else None
    if len(shape) < 4 or shape[-3] < 2 or reader is None or any(s is None for s in sources):
        return
    heads, width = shape[-3], shape[-1]
    order = torch.randperm(heads, generator=generator)
    while bool((order == torch.arange(heads)).all()):
        order = torch.randperm(heads, generator=generator)
    own = {name: axis or 0 for source in sources if source is not None for name, axis in _own(source)}
    if any(state[name].shape[axis] % (heads * width) for name, axis in own.items()) or reader.shape[_input_axis(reader)] != heads * width:
        return

    def half(state: dict[str, torch.Tensor]) -> None:
        for name, axis in own.items():
            parts = state[name].shape[axis] // (heads * width)
            block = (order[:, None] * width + torch.arange(width)).flatten()
            index = torch.cat([block + part * heads * width for part in range(parts)])
            state[name].copy_(state[name].index_select(axis, index.to(state[name].device)))

    def change(state: dict[str, torch.Tensor]) -> None:
        half(state)
        _gather(state[reader.parameters[0]], _input_axis(reader), order)

    yield _Candidate("head", following.where if following is not None else node.where, heads, math.lgamma(heads + 1) / math.log(10.0), change, half)


def _upstream_affine(graph: SignalGraph, index: int, used: Counter[str]) -> Node | None:
    node = graph.nodes[index]
    while node.kind in ("view", "pointwise", "cast") and len(node.inputs) == 1:
        node = graph.nodes[node.inputs[0]]
    own = [u for u in node.uses if u.role == "weight" and not u.derived]
    return node if node.kind == "affine" and own else None
