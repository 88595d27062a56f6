"""A108: hidden activations that grow faster than their input."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.neighbours import activation_of
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp


class ExplodingActivation(Rule):
    """A hidden activation with unbounded slope – exp, square – stacked: no weight scale keeps its signal.

    If φ grows faster than linearly the length map q → σ_w² E[φ(√q z)²] has at most an unstable fixed point: above it
    the signal runs off super-exponentially, and exp of 89 is already infinite in float32. Two such activations directly
    before weights are a warning; it is the error once values overflow.

    Source: Poole et al. 2016, arXiv:1606.05340, eq. 3, for φ with sup|φ′| = ∞.
    """

    code = "A108"
    slug = "exploding-activation"
    title = "hidden activations that grow faster than their input"
    priority = 48
    explains = ("nonfinite-forward", "nonfinite-backward", "signal-drift", "exploding-gradient", "loss-at-start", "lr-too-high", "layer-out-of-line", "half-range")

    thresholds = {"count": Threshold(2, "one can be a choice of parametrization; two in a row compose")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding naming the first of them."""
        found = [n for n in evidence.graph.nodes if n.kind == "activation" and self._grows(n) and self._feeds_weight(evidence, n)]
        if len(found) < self.threshold("count"):
            return
        first = found[0]
        readings = [evidence.signals[n.index].moments.absmax for n in found if n.index in evidence.signals]
        largest = max((r for r in readings if math.isfinite(r)), default=math.nan)
        yield self.finding(
            "warning",
            first.where,
            f"{len(found)} hidden {first.op} activations grow faster than linearly (largest finite output {largest:.2g}):"
            " no weight scale keeps the signal in range.",
            evidence={"activation": first.op, "count": len(found), "largest_output": largest},
            advice="Use an activation of bounded slope (ReLU, GELU, tanh) in hidden layers.",
            node=first.index,
        )

    def _grows(self, node: Node) -> bool:
        phi = activation_of(node)
        return phi is not None and phi.max_slope == math.inf

    def _feeds_weight(self, evidence: Evidence, node: Node) -> bool:
        """Whether a weight reads it through nothing but views, pools and dropout."""
        readers = evidence.graph.consumers()
        stack = list(readers[node.index])
        while stack:
            after = evidence.graph.nodes[stack.pop()]
            if after.kind == "affine":
                return True
            if after.kind in ("view", "pool", "dropout", "cast"):
                stack.extend(readers[after.index])
        return False

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Towers of exp."""
        yield Specimen("six layers of exp", _towers, where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """exp of a log-variance, which scales noise and feeds no weight."""
        yield Specimen("exp of a log-variance in a sampling step", _sampling)


class _Exp(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.exp()


def _towers() -> Case:
    return classification(mlp(16, *[32] * 6, 4, activation=_Exp))


class _Sampling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread, self.head = nn.Linear(16, 8), nn.Linear(16, 8), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = self.mean(x)
        return self.head(mean + (0.5 * self.spread(x)).exp() * torch.randn_like(mean))


def _sampling() -> Case:
    torch.manual_seed(0)
    return classification(_Sampling())
