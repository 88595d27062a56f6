"""Changes of weights that may leave a model's function as it is, read off its graph; whether they do is for `symmetry` to try."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph

NORM_EPSILON = 1e-3
"""Norms add their eps to the variance: scaling in front of one changes outputs by eps/variance."""
THROUGH = ("activation", "dropout", "scale", "shift", "pointwise", "cast", "view", "pool", "norm")

Change = Callable[[dict[str, torch.Tensor]], None]


class Candidate(NamedTuple):
    """A change of weights, and a control: half of it, which should be felt."""

    kind: str
    where: str
    units: int
    log10_count: float
    change: Change
    control: Change
    tolerance: float = 0.0
    training: bool = False


def candidates(graph: SignalGraph, state: dict[str, torch.Tensor], generator: torch.Generator) -> Iterator[Candidate]:
    """Every change worth trying, in order of execution. `state` holds all parameters and buffers by name."""
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
            yield Candidate("norm scale", node.where, units, math.inf, _scaled(_own(node)), _flipped(_own(node), units), NORM_EPSILON, True)
        reader = _weight(following, used) if following is not None else None
        if units < 2 or reader is None or reader.unit_axis is None or reader.shape[_input_axis(reader)] % units:
            continue
        order = torch.randperm(units, generator=generator)
        while units > 1 and bool((order == torch.arange(units)).all()):
            order = torch.randperm(units, generator=generator)
        factorial = math.lgamma(units + 1) / math.log(10.0)
        yield Candidate("permutation", node.where, units, factorial, *_permuted(node, between, reader, order, state))
        if not norms:
            signs = 1.0 - 2.0 * (torch.arange(units) % 2)[torch.randperm(units, generator=generator)]
            yield Candidate("sign", node.where, units, units * math.log10(2.0), *_multiplied(node, reader, signs))
            powers = torch.exp2(torch.randint(-1, 2, (units,), generator=generator).double())
            powers[0] = 2.0
            yield Candidate("scale", node.where, units, math.inf, *_multiplied(node, reader, powers))


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


def _heads(graph: SignalGraph, node: Node, state: dict[str, torch.Tensor], generator: torch.Generator, used: Counter[str]) -> Iterator[Candidate]:
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

    yield Candidate("head", following.where if following is not None else node.where, heads, math.lgamma(heads + 1) / math.log(10.0), change, half)


def _upstream_affine(graph: SignalGraph, index: int, used: Counter[str]) -> Node | None:
    node = graph.nodes[index]
    while node.kind in ("view", "pointwise", "cast") and len(node.inputs) == 1:
        node = graph.nodes[node.inputs[0]]
    own = [u for u in node.uses if u.role == "weight" and not u.derived]
    return node if node.kind == "affine" and own else None
