"""N104: numbers that half precision cannot hold."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Histogram
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.nonfinite_origins import origin
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, mlp

SMALLEST = -24
"""Exponent of the smallest fp16 number, 2⁻²⁴ = 6e-8."""
KEPT = 2
"""Exponents above it in which fp16 keeps at most two significant bits: what lies there stands for as much that is gone."""


class HalfRange(Rule):
    """In fp16, activations that reach 65504 or gradients that fall below 6e-8.

    fp16 holds magnitudes from 2⁻²⁴ to 65504. Above, a value is ∞; below, it is 0. Gradients of a mean over a batch of
    images are often smaller: that is what a `GradScaler` is for (it multiplies the loss by 2¹⁶ and divides the gradient).
    What has already fallen to 0 cannot be counted, but the numbers just above the edge can.

    An error when a value has overflowed, or when every gradient of a weight has fallen to zero in a model that is fp16
    itself; under autocast only a note, since the scaler that belongs to it is not visible here. bf16 has the range of
    float32 and is not judged.

    Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; IEEE 754-2019, table 3.5.
    """

    code = "N104"
    slug = "half-range"
    title = "numbers that fp16 cannot hold"
    priority = 75
    explains = ("nonfinite-forward", "nonfinite-backward", "vanishing-gradient", "no-gradient", "lr-too-low", "loss-at-start")
    thresholds = {
        "share": Threshold(0.05, "of the gradient's entries; fewer change a weight's update by less than batch noise"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First overflow, then the worst underflow."""
        nodes = [n for n in evidence.graph.nodes if n.outputs and n.outputs[0].dtype == "float16" and n.index in evidence.signals]
        if not nodes:
            return
        yield from self._overflow(evidence, nodes)
        yield from self._underflow(evidence, nodes)

    def _overflow(self, evidence: Evidence, nodes: list[Node]) -> Iterator[Finding]:
        for node in nodes:
            reading = evidence.signals[node.index]
            infinite = reading.moments.posinf + reading.moments.neginf
            burst = node.index == evidence.first_nonfinite and infinite > 0 and origin(evidence, node).overflow
            edge = reading.histogram.fp16_overflow if reading.histogram is not None else 0
            if not burst and not edge:
                continue
            number = infinite if burst else edge
            yield self.finding(
                "error" if burst else "warning",
                node.where,
                f"{number:,} of {reading.moments.count:,} values of this {node.op} {'exceed' if burst else 'touch'} 65504, the largest fp16 number.",
                evidence={"overflow": number, "count": reading.moments.count, "absmax": reading.moments.absmax, "op": node.op},
                advice="Compute this in bfloat16 or float32, or bring the signal down: normalize before it, smaller weights, scaled scores.",
                snippet='with torch.autocast("cuda", dtype=torch.bfloat16):\n    outputs = model(inputs)',
                node=node.index,
            )
            return

    def _underflow(self, evidence: Evidence, nodes: list[Node]) -> Iterator[Finding]:
        gone = self._vanished(evidence, nodes)
        if gone:
            name, node = gone[0]
            more = f" (and of {len(gone) - 1} other weights)" if len(gone) > 1 else ""
            yield self._finding(evidence, "error", node, f"The whole gradient of `{name}`{more} is 0 in fp16", len(gone), name)
            return
        shares = {n.index: edge_share(r.histogram) for n in nodes if (r := evidence.gradients.get(n.index)) is not None}
        worst = max(shares, key=shares.__getitem__, default=None)
        if worst is not None and shares[worst] > self.threshold("share"):
            what = f"{shares[worst]:.0%} of the gradient here lies below 2⁻²², at the edge of fp16"
            yield self._finding(evidence, "warning", evidence.graph.nodes[worst], what, shares[worst])

    def _vanished(self, evidence: Evidence, nodes: list[Node]) -> list[tuple[str, Node]]:
        """Weights whose fp16 gradient is zero throughout although a later fp16 gradient is at the edge, not zero."""
        edge = [n.index for n in nodes if (r := evidence.gradients.get(n.index)) is not None and edge_share(r.histogram) > self.threshold("share")]
        # the last one reaches the most; one walk is enough
        before = evidence.graph.ancestors(max(edge)) | {max(edge)} if edge else set()
        found = []
        for node in nodes:
            if node.kind != "affine" or node.index not in before or _asleep_after(evidence, node.index):
                continue
            for use in node.uses:
                reading = evidence.parameters.get(use.parameters[0])
                if use.role == "weight" and reading is not None and reading.gradient is not None and reading.gradient.moments.absmax == 0.0:
                    found += [] if reading.gradient.moments.nonfinite else [(use.parameters[0], node)]
        return found

    def _finding(self, evidence: Evidence, severity: Severity, node: Node, what: str, number: float, parameter: str = "") -> Finding:
        autocast = bool(evidence.conditions.autocast)
        return self.finding(
            "note" if autocast else severity,
            node.where,
            f"{what}; smaller numbers become 0" + (" unless a GradScaler multiplies the loss." if autocast else "."),
            evidence={"share" if severity == "warning" else "weights": number, "smallest": 2.0**SMALLEST, "autocast": evidence.conditions.autocast},
            advice="Scale the loss (torch.amp.GradScaler with float32 weights under autocast), or use bfloat16, which has float32's range.",
            snippet="scaler = torch.amp.GradScaler()\nscaler.scale(loss).backward()\nscaler.step(optimizer)\nscaler.update()",
            node=node.index,
            parameter=parameter,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Activations of 1e5; a loss so small that gradients are at the edge or gone."""
        yield Specimen("scores beyond 65504 in fp16", lambda: half(1e5, 1.0), where="1")
        yield Specimen("gradients at the edge of fp16", lambda: half(1.0, 3e-4), where="1")
        yield Specimen("gradients below fp16 in the first layer", lambda: half(1e-2, 1e-4), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same model at a sound scale; the tiny loss in bfloat16."""
        yield Specimen("fp16 at a sound scale", lambda: half(1.0, 1000.0))
        yield Specimen("tiny loss in bfloat16", lambda: half(1.0, 1e-3, torch.bfloat16))


def edge_share(histogram: Histogram | None) -> float:
    """Share of the entries with 0 < |x| < 2⁻²², the last two octaves of fp16 and what lies below (kept by wider types)."""
    return histogram.below(SMALLEST + KEPT) / histogram.count if histogram is not None and histogram.count else 0.0


def _asleep_after(evidence: Evidence, index: int) -> bool:
    """Whether zero weights or an all-zero signal after node `index` explain a gradient of zero better than rounding."""
    for node in evidence.graph.nodes[index:]:
        reading = evidence.signals.get(node.index)
        if reading is not None and reading.moments.zeros == reading.moments.count:
            return True
        for use in node.uses:
            weight = evidence.parameters.get(use.parameters[0])
            if node.index > index and use.role in ("weight", "scale") and weight is not None and weight.value.moments.absmax == 0.0:
                return True
    return False


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu() * self.factor


def half(signal: float, loss: float, dtype: torch.dtype = torch.float16) -> Case:
    """A small regression in half precision, its hidden signal and its loss multiplied by factors."""
    net = mlp(16, 32, 4, activation=lambda: _Times(signal)).to(dtype)
    targets = batch(64, 4, seed=2).to(dtype)
    return Case(net, batch(64, 16).to(dtype), targets, lambda y, t: ((y - t).float().square().mean() * loss))
