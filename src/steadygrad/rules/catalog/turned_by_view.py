"""S108: a reshape that gives axes the sizes of a transpose without turning them."""

from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from operator import mul

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import Apply, batch, classification, mlp

KEEPING = ("activation", "norm", "scale", "shift", "pointwise", "pool", "cast", "dropout", "join")
"""Kinds of ops that leave units on their axis."""
RESHAPES = ("view", "reshape", "view_as", "reshape_as", "unflatten", "flatten")


class TurnedByView(Rule):
    """`view` or `reshape` makes (…, A, B) into (…, B, A): the sizes of a transpose, but the numbers stay in their order.

    A reshape reads numbers row by row and cuts them anew. Where two neighbouring axes have changed places in the shape, each
    new row is a run of old ones: channels act as positions, times as samples. Shapes fit, so nothing complains, and later
    layers learn from scrambled features. `permute` or `transpose` turns axes.

    Judged where the units that a layer made change places with the places they were made for (which may be joined to one axis
    or split into several), or axis 0 with axis 1 and nothing else does. Not where the old boundary is still there, so that the
    new shape can be read in order. Scores of pairs of positions are skewed by such a reshape on purpose (Transformer-XL).

    Source: torch.Tensor.view (the order of elements is kept) against torch.permute.
    """

    code = "S108"
    slug = "turned-by-view"
    title = "a reshape where axes should be transposed"
    priority = 20
    explains = ("mixed-samples", "correlation-collapse", "lr-too-low", "output-constant")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first such reshape of a signal."""
        graph = evidence.graph
        for node in graph.nodes:
            if node.op not in RESHAPES or node.where == "loss" or not node.inputs or not node.outputs[0].dtype.startswith(("float", "bfloat")):
                continue
            before = graph.nodes[node.inputs[0]].outputs
            places = exchanged(before[0].shape, node.outputs[0].shape, _unit_axis(graph, node)) if len(before) == 1 else None
            if places is not None:
                yield self._finding(node, before[0].shape, places)
                return

    def _finding(self, node: Node, before: tuple[int, ...], places: tuple[int, int]) -> Finding:
        after, (first, second) = node.outputs[0].shape, places
        here = f"in `{node.where}`" if node.where else "in the model"
        return self.finding(
            "warning",
            node.where,
            f"`{node.op}` {here} makes {before} into {after}: axes of {first} and {second} entries change places in the shape, but a reshape keeps"
            " the order of the numbers, so that they are scrambled.",
            evidence={"op": node.op, "before": before, "after": after, "exchanged": places},
            advice="Turn the axes first, then reshape.",
            snippet="y = x.flatten(2).transpose(1, 2)  # (N, C, H, W) → (N, H·W, C)",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Channels and places; times and samples; back from rows to pictures."""
        yield Specimen("(N, C, H, W) as (N, H·W, C)", lambda: _places(lambda x: x.reshape(len(x), -1, x.shape[1])), where="2")
        yield Specimen("(N, T, F) as (T, N, F)", lambda: _times(lambda x: x.reshape(x.shape[1], x.shape[0], -1)), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Turned and then joined; heads split off; axes of the same length."""
        yield Specimen("turned, then joined", lambda: _places(lambda x: x.flatten(2).transpose(1, 2)))
        yield Specimen("(N, C, H, W) as (N, C, H·W) and back", lambda: _places(lambda x: x.flatten(2).view_as(x).flatten(2).transpose(1, 2)))
        yield Specimen("times turned", lambda: _times(lambda x: x.transpose(0, 1)))


def exchanged(before: tuple[int, ...], after: tuple[int, ...], unit_axis: int | None) -> tuple[int, int] | None:
    """Sizes of the units' axis and its neighbours, or of axes 0 and 1, where they change places from one shape to the other.

    With the boundaries of a shape as the products of its first axes: a·A is one of `before` and none of `after`, a·B one of
    `after` and none of `before`, and a and a·A·B are boundaries of both. The units' axis is A or B and stays a single axis;
    without that condition sizes often fit by chance. Axes 0 and 1 where nothing else changes.

    Example:
        >>> exchanged((8, 16, 7, 7), (8, 49, 16), 1), exchanged((8, 49, 16), (8, 49, 4, 4), 2), exchanged((32, 12, 5), (12, 32, 5), 2)
        ((16, 49), None, (32, 12))
    """
    if len(before) > 1 and before[1::-1] + before[2:] == after and before[0] != before[1] and 1 not in before[:2]:
        return before[0], before[1]
    if not unit_axis:
        return None
    old, new = (list(accumulate(shape, mul, initial=1)) for shape in (before, after))
    start, stop, units = old[unit_axis], old[unit_axis + 1], before[unit_axis]
    common = [a for a in old if a in new and a > 1]
    for end in (e for e in common if e > stop and start in common and stop not in new):  # units come first, and last afterwards
        if _turned(old, new, start * (end // stop)) and _single(new, end // units, end):
            return units, end // stop
    for a in (a for a in common if a < start and stop in common and start not in new):  # units come last, and first afterwards
        if _turned(old, new, a * units) and _single(new, a, a * units):
            return start // a, units
    return None


def _turned(old: list[int], new: list[int], boundary: int) -> bool:
    return boundary in new and boundary not in old


def _unit_axis(graph: SignalGraph, node: Node) -> int | None:
    """The axis of units of what a reshape reads, as the layer that made it has it; None where it is not known."""
    before = graph.nodes[node.inputs[0]]
    rank = len(before.outputs[0].shape)
    while before.kind in KEEPING and before.inputs and before.outputs and len(before.outputs[0].shape) == rank:
        before = graph.nodes[before.inputs[0]]
    if before.kind != "affine" or before.unit_axis is None or len(before.outputs[0].shape) != rank:
        return None
    if any(use.derived for use in before.uses):  # keys made of learned positions: what looks like units are places
        return None
    return before.unit_axis % rank


def _single(boundaries: list[int], start: int, end: int) -> bool:
    """Whether one axis leads from one boundary to the other."""
    return any(one == start and other == end for one, other in pairwise(boundaries))


def _places(turn: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), Apply(turn), *mlp(16, 32), nn.ReLU(), Apply(lambda x: x.mean(1)), *mlp(32, 4, seed=5))
    return classification(net, batch(32, 3, 9, 9))


def _times(turn: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    net = nn.Sequential(mlp(16, 24)[0], Apply(turn), nn.ReLU(), Apply(lambda x: x.mean(0)), *mlp(24, 4, seed=5))
    return classification(net, batch(64, 12, 16))
