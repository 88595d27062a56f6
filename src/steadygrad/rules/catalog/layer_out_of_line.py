"""A110: one layer whose numbers are out of line with the same layer in the blocks around it."""

import math
import re
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

import torch
from torch import nn

from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp
from steadygrad.rules.weights import learned_attenuations, weighted

WINDOW = 6
ENOUGH = 4


class Member(NamedTuple):
    """One layer of a series: ln of its rms."""

    node: Node
    parameter: str
    log: float


class LayerOutOfLine(Rule):
    """One layer's output, or its gradient, is a hundred times larger or smaller than in the same layer of its neighbours.

    Layers are of the same kind when they do the same op at the same place of a block (their paths differ in numbers
    only); a layer's neighbours are the six nearest of its kind, at least four. Compared are the rms of its output and
    rms(∂L/∂w)/rms(w), which knows no units, after learned small scales are divided out. A layer stands out when it is a
    factor of 100 from their median and farther from each of them than they are from one another: neither growth through
    depth nor two groups of layers count.

    A wrong constant in one block, a gain that grew, a weight loaded into the wrong place: no mechanism by itself, and so
    a warning. Of 70 published architectures at their own defaults the farthest such layer stands 28× from the median.

    Source: measured; the factor is on the scale of A103's and G101's, which judge whole networks.
    """

    code = "A110"
    slug = "layer-out-of-line"
    title = "one layer unlike its neighbours"
    priority = 79
    thresholds = {"factor": Threshold(100.0, "from the neighbours' median; three times what any of 70 published architectures reaches")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Outputs in execution order, then gradients of layers whose output is in line."""
        named = set()
        for series in _series(_outputs(evidence)):
            for member, factor, count in self._outliers(series):
                named.add(member.node.where)
                yield self._finding(member, factor, count, "output is", "output")
        for series in _series(_gradients(evidence)):
            for member, factor, count in self._outliers(series):
                if member.node.where not in named:
                    yield self._finding(member, factor, count, "weight has a gradient, relative to its size,", "gradient")

    def _outliers(self, series: list[Member]) -> Iterator[tuple[Member, float, int]]:
        far = math.log(self.threshold("factor"))
        for i, member in enumerate(series):
            start = min(max(i - WINDOW // 2, 0), max(len(series) - WINDOW - 1, 0))
            others = [m.log for j, m in enumerate(series[start : start + WINDOW + 1], start) if j != i]
            distance = member.log - median(others)
            if abs(distance) >= far and min(abs(member.log - log) for log in others) > max(others) - min(others):
                yield member, math.exp(distance), len(others)

    def _finding(self, member: Member, factor: float, count: int, what: str, kind: str) -> Finding:
        times = f"{factor:.3g}× larger" if factor > 1.0 else f"{1.0 / factor:.3g}× smaller"
        return self.finding(
            "warning",
            member.node.where,
            f"`{member.node.where}`: its {what} {times} than in its {count} neighbours of the same kind (median).",
            evidence={"factor": factor, "neighbours": count, "of": kind, "rms": math.exp(member.log)},
            advice="Look for what differs there: a constant in the forward, a norm's gain, a bias, a weight that was loaded or initialized apart.",
            node=member.node.index,
            parameter=member.parameter,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A gain of 300 before one layer; a branch multiplied by 1e-3 and one by 1000."""
        yield Specimen("a norm whose gain is 300", lambda: classification(_Blocks(gain=300.0)), where="blocks.4.0")
        yield Specimen("a branch multiplied by 1e-3", lambda: classification(_Residual(1e-3)), where="blocks.3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same without; a wider range on the way, block after block; branches that begin at zero."""
        yield Specimen("eight equal blocks", lambda: classification(_Blocks(gain=1.0)))
        yield Specimen("eight equal branches", lambda: classification(_Residual(1.0)))
        yield Specimen("one branch that begins at a tenth", lambda: classification(_Residual(0.1)))


def _kind(node: Node, parameter: str) -> tuple[str, str]:
    return node.op, re.sub(r"\d+", "#", f"{node.where}|{parameter}")


def _outputs(evidence: Evidence) -> Iterator[Member]:
    for item in weighted(evidence):
        reading = evidence.signals.get(item.node.index)
        if reading is not None and math.isfinite(reading.moments.rms) and reading.moments.rms > 0.0:
            yield Member(item.node, item.name, math.log(reading.moments.rms))


def _gradients(evidence: Evidence) -> Iterator[Member]:
    attenuation, seen = learned_attenuations(evidence), set()
    for item in weighted(evidence):
        relative, small = item.relative_gradient, attenuation[item.node.index]
        if item.name not in seen and relative is not None and relative > 0.0 and small > 0.0:
            yield Member(item.node, item.name, math.log(relative / small))
        seen.add(item.name)


def _series(members: Iterator[Member]) -> list[list[Member]]:
    """Members by kind, in execution order; only kinds that have neighbours enough."""
    found: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        found.setdefault(_kind(member.node, member.parameter), []).append(member)
    return [series for series in found.values() if len(series) > ENOUGH]


class _Blocks(nn.Module):
    """Eight blocks of linear, norm, ReLU; the fourth norm's gain is `gain`."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.first, self.last = mlp(16, 64), mlp(64, 4)
        self.blocks = nn.ModuleList(nn.Sequential(mlp(64, 64, seed=i)[0], nn.LayerNorm(64), nn.ReLU()) for i in range(8))
        with torch.no_grad():
            self.blocks[3][1].weight.fill_(gain)  # type: ignore[index]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x)


class _Residual(nn.Module):
    """Eight residual branches of one layer each; the fourth is multiplied by `factor`."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.first, self.norm, self.last, self.factor = mlp(16, 64), nn.LayerNorm(64), mlp(64, 4), factor
        self.blocks = nn.ModuleList(mlp(64, 64, seed=i)[0] for i in range(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for i, block in enumerate(self.blocks):
            x = x + block(self.norm(x).relu()) * (self.factor if i == 3 else 1.0)
        return self.last(x)
