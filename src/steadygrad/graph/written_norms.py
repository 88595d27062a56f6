"""Norms that a model writes out: `x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)` is one op to everything that follows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from steadygrad.graph.signal_graph import Node

PASSED = ("view", "cast")
SQUARES = ("square", "pow", "__pow__", "mul")
POWERS = {"sqrt": 0.5, "rsqrt": -0.5, "reciprocal": -1.0}
LIMITS = ("clamp", "clamp_min", "maximum")
MOST = 12  # ops between a signal and what divides it


class _Statistic(NamedTuple):
    """`source` to the power `degree`, averaged; `eps` is what was added on the way, as if to a mean square."""

    source: int
    degree: float
    eps: float
    op: str


def with_written_norms(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes, with the last multiplication or division of every written norm as the norm.

    Recognized are x·r and x/r where r is the root mean square of x over some axes (`rms_norm`), or the root of its variance (`simple_norm`: the mean
    stays), and (x − mean x)/r with either r (`layer_norm`), with or without an eps, in any order of squares, powers, casts and views, as long as the
    powers cancel: the result does not depend on the scale of x. The norm reads x alone; the ops in between stay, read by nothing.
    What is written otherwise stays as it is.
    """
    found = list(nodes)
    for node in nodes:
        if node.op in ("mul", "div") and node.kind == "join" and len(node.inputs) == 2 and len(node.outputs) == 1:
            norm = _norm(nodes, node, *node.inputs) or (_norm(nodes, node, *reversed(node.inputs)) if node.op == "mul" else None)
            if norm is not None:
                found[node.index] = norm
    return tuple(found)


def _norm(nodes: Sequence[Node], node: Node, signal: int, divisor: int) -> Node | None:
    axes = _reduced(nodes, signal, divisor)
    if not axes:
        return None
    statistic = _statistic(nodes, divisor)
    if statistic is None or statistic.degree != (1.0 if node.op == "div" else -1.0):
        return None
    own, read = plain(nodes, signal), plain(nodes, statistic.source)
    centred = _centred(nodes, own)
    if statistic.op == "mean" and (read == own or (centred is not None and _centred(nodes, read) == centred)):
        source, op = (signal, "rms_norm") if centred is None else (centred, "layer_norm")
    elif statistic.op in ("var", "std") and read in (own, plain(nodes, own if centred is None else centred)):
        source, op = (signal, "simple_norm") if centred is None else (centred, "layer_norm")
    else:
        return None
    shape = node.outputs[0].shape
    options = {"normalized_shape": tuple(shape[axis] for axis in axes), "eps": statistic.eps, "written": True}
    return replace(node, op=op, kind="norm", inputs=(source,), options=options, unit_axis=axes[-1])


def _reduced(nodes: Sequence[Node], signal: int, divisor: int) -> tuple[int, ...]:
    """Axes along which the divisor is one number; () where it is not broadcast along any."""
    made = [nodes[i].outputs[0].shape for i in (signal, divisor) if len(nodes[i].outputs) == 1]
    if len(made) != 2 or len(made[0]) != len(made[1]):
        return ()
    axes = tuple(i for i, (full, one) in enumerate(zip(*made, strict=True)) if one == 1 and full > 1)
    return axes if all(a == b for i, (a, b) in enumerate(zip(*made, strict=True)) if i not in axes) else ()


def _statistic(nodes: Sequence[Node], index: int) -> _Statistic | None:
    """What a divisor was computed from, by going back over powers, an added eps and limits to one reduction."""
    power, eps, within = 1.0, 0.0, 1.0
    for _ in range(MOST):
        node = nodes[index]
        if len(node.inputs) != 1:
            return None
        if node.op in POWERS:
            power *= POWERS[node.op]
        elif node.op in ("pow", "__pow__") and isinstance(node.options.get("exponent"), int | float):
            power *= float(node.options["exponent"])
        elif node.op == "add" and isinstance(node.options.get("number"), int | float):
            eps, within = float(node.options["number"]), power
        elif node.op in ("var", "std", "mean"):
            source = _squared(nodes, node.inputs[0]) if node.op == "mean" else node.inputs[0]
            degree = power * (1.0 if node.op == "std" else 2.0)
            squared = abs(eps) ** (2.0 * within / degree) if eps and abs(degree) == 1.0 else 0.0
            return None if source is None else _Statistic(source, degree, squared, node.op)
        elif node.kind not in PASSED and node.op not in LIMITS:
            return None
        index = node.inputs[0]
    return None


def _squared(nodes: Sequence[Node], index: int) -> int | None:
    """What was squared."""
    node = nodes[plain(nodes, index)]
    if node.op not in SQUARES or not node.inputs:
        return None
    if node.op == "mul":
        return node.inputs[0] if len({plain(nodes, i) for i in node.inputs}) == 1 and node.kind == "join" else None
    return node.inputs[0] if node.op == "square" or node.options.get("exponent") == 2 else None


def _centred(nodes: Sequence[Node], index: int) -> int | None:
    """x of x − mean x, behind casts and views."""
    node = nodes[index]
    if node.op != "sub" or len(node.inputs) != 2:
        return None
    mean = nodes[plain(nodes, node.inputs[1])]
    same = mean.op == "mean" and len(mean.inputs) == 1 and plain(nodes, mean.inputs[0]) == plain(nodes, node.inputs[0])
    return plain(nodes, node.inputs[0]) if same else None


def plain(nodes: Sequence[Node], index: int) -> int:
    """What is seen at `index` behind casts and views, but not behind dropout, which changes numbers."""
    while nodes[index].kind in PASSED and len(nodes[index].inputs) == 1:
        index = nodes[index].inputs[0]
    return index
