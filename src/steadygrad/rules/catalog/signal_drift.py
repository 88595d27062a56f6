"""A103: a signal that grows or shrinks from layer to layer."""

import math
from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp

JUDGED = ("affine", "activation", "norm")
"""What a signal is compared at; a multiplication between them (LayerScale, 1/255) may be where it begins to drift, not how far it went."""


class SignalDrift(Rule):
    """The second moment q of the signal changes by orders of magnitude between the first and the last hidden layer.

    q_l = σ_w² E[φ(√q_{l−1} z)²] + σ_b²  is constant at the right scale. A drift is no failure by itself – one in
    seventeen published architectures spreads over 1000× at its own defaults and trains – so this is a warning; it
    names the first layer that changes it by at least half as much, in logarithms, as any.

    Source: Poole et al. 2016, arXiv:1606.05340, eq. 3; He et al. 2015, eq. 9.
    """

    code = "A103"
    slug = "signal-drift"
    title = "the signal grows or shrinks through depth"
    priority = 80
    explains = ("nonfinite-forward", "half-range", "loss-at-start", "exploding-gradient", "vanishing-gradient", "output-constant", "subnormal")
    thresholds = {"factor": Threshold(1e4, "rms; 6 % of 1,200 published architectures exceed 1e3 at their defaults")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding: where the hidden signal begins to grow or shrink."""
        hidden = [n for n in evidence.graph.nodes if n.kind in (*JUDGED, "scale") and n.index in evidence.graph.feeds_weights]
        passed = [(n, r.moments.rms) for n in hidden if (r := evidence.signals.get(n.index)) is not None and 0.0 < r.moments.rms < math.inf]
        scales = [(n, rms) for n, rms in passed if n.kind in JUDGED]
        if len(scales) < 3:
            return
        start = scales[0][1]
        last = scales[-1][1]
        factor = last / start
        if max(factor, 1.0 / factor) < self.threshold("factor"):
            return
        sign = math.copysign(1.0, math.log(factor))
        steps = [(b[0], sign * math.log(b[1] / a[1])) for a, b in zip(passed, passed[1:], strict=False)]
        most = max(step for _, step in steps)
        first = next(node for node, step in steps if step >= 0.5 * most)
        yield self._finding(first, start, last, scales[-1][0], len(scales))

    def _finding(self, first: Node, start: float, last: float, end: Node, count: int) -> Finding:
        grows = last > start
        return self.finding(
            "warning",
            first.where,
            f"The signal {'grows' if grows else 'shrinks'} from rms {start:.2g} to {last:.2g} over {count} layers"
            f" ({(last / start) ** (1 / max(count - 1, 1)):.3g}× per layer); it begins at `{first.where}`.",
            evidence={"first_rms": start, "last_rms": last, "until": end.where, "layers": count},
            advice="Re-initialize with the gain of the activation in use, or put a normalization layer in between.",
            node=first.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A residual-free linear-ish growth that weights alone do not show: a constant factor in the forward."""
        yield Specimen("every layer's output multiplied by 4", _amplified, where="2")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """He at depth 30."""
        yield Specimen("30 ReLU layers, He", lambda: classification(mlp(16, *[64] * 30, 4)))


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x.relu() * self.factor


def _amplified() -> Case:
    return classification(mlp(16, *[64] * 12, 4, activation=lambda: _Times(4.0)))
