"""N106: subnormal numbers, with which a processor is slow."""

import math
from collections.abc import Iterator
from itertools import chain

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Reading
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp

SMALLEST = -126
"""Exponent of the smallest normal float32, 2⁻¹²⁶ = 1.2e-38."""


class Subnormal(Rule):
    """Signals or gradients below 1.2e-38, the smallest normal float32.

    Down to 1.4e-45 numbers lose a bit with every halving, and most processors leave their fast path for each one: the backward
    pass of a network whose gradients lie there was measured to take sixty times as long, without a word. Somewhere the signal
    or the gradient shrinks by dozens of orders of magnitude, or a mask of −95 stands for −∞; that wants mending. Until then they can be
    taken for 0.

    Source: IEEE 754-2019, section 3.4; Lawlor, Govind, Dooley, Breitenfeld & Kale 2005, "Performance degradation in the presence of
    subnormal floating-point values".
    """

    code = "N106"
    slug = "subnormal"
    title = "numbers with which a processor is slow"
    priority = 84
    thresholds = {
        "share": Threshold(0.05, "of a tensor's entries; every one costs some hundred cycles, twenty take as long as a hundred normal ones"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """The signal or gradient with the largest share, on a processor alone: accelerators compute with them as with others."""
        if evidence.conditions.device != "cpu":
            return
        nodes = {n.index: n for n in evidence.graph.nodes if n.outputs and n.outputs[0].dtype == "float32"}
        read = chain(((i, "signal", r) for i, r in evidence.signals.items()), ((i, "gradient", r) for i, r in evidence.gradients.items()))
        slow = [(share, what, nodes[index]) for index, what, r in read if index in nodes and (share := _share(r)) > self.threshold("share")]
        if not slow:
            return
        share, what, node = max(slow, key=lambda found: found[0])
        others = f" ({len(slow)} such tensors)" if len(slow) > 1 else ""
        yield self.finding(
            "warning",
            node.where,
            f"{share:.0%} of this {what} are subnormal numbers, below 1.2e-38{others}: a processor takes tens of times as long for them.",
            evidence={"share": share, "what": what, "tensors": len(slow)},
            advice="Look at what makes it so small: a mask that is no infinity, a factor before the loss, weights far too small. "
            "Until then let them be taken for zero.",
            snippet="torch.set_flush_denormal(True)",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A causal mask of −95 where −∞ belongs: e⁻⁹⁵ is not quite 0."""
        yield Specimen("mask of −95", lambda: _attending(-95.0), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A mask of −∞, and one that leaves normal numbers; many entries that are exactly 0."""
        yield Specimen("mask of −∞", lambda: _attending(-math.inf))
        yield Specimen("mask of −30", lambda: _attending(-30.0))
        yield Specimen("dropout", lambda: classification(nn.Sequential(mlp(16, 64), nn.Dropout(0.5), mlp(64, 64, 4))))


def _share(reading: Reading) -> float:
    """Of the entries, those that are neither 0 nor normal."""
    counted = reading.histogram
    return counted.below(SMALLEST) / reading.moments.count if counted is not None and reading.moments.count else 0.0


class _Attention(nn.Module):
    """Causal attention over eight steps, written out with a number for the mask."""

    def __init__(self, mask: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.qkv, self.head, self.mask = nn.Linear(16, 48), nn.Linear(16, 4), mask

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        scores = (q @ k.transpose(1, 2) / 4.0).masked_fill(later, self.mask)
        return self.head((x + scores.softmax(-1) @ v).mean(1))


def _attending(mask: float) -> Case:
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(32, 8, 16, generator=generator), torch.randint(0, 4, (32,), generator=generator)
    return Case(_Attention(mask), inputs, targets, nn.functional.cross_entropy)
