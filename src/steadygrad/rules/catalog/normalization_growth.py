"""G104: gradients that batch normalization itself makes grow."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.neighbours import activation_of
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.rules.finding import Finding
from steadygrad.rules.rehearsals import course, outcome
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.sensitivity import Growth, growths
from steadygrad.rules.specimens import classification, mlp
from steadygrad.theory.batch_growth import batch_norm_growth


class NormalizationGrowth(Rule):
    """Deep batch-normalized layers without skip connections multiply gradients by √χ_BN per layer, whatever the weights.

    χ_BN = E[φ′(z)²]/Var[φ(z)] ≥ 1: 1.211 per layer for ReLU (√(π/(π − 1))), 1.085 for tanh, 1 only without nonlinearity.
    Re-initialization does not help, because batch norm undoes every scale; fewer layers between skip connections, orthogonal
    weights with a nearly linear activation, or no batch norm do. Measured from Jacobians, block by block (full depth only).

    A growth above a thousand is a warning: many such networks still train, because the growth shrinks after the first
    steps. It is the error when twenty real steps on one batch (taken and undone) do not lower its loss.

    Source: Yang et al. 2019, arXiv:1902.08129, theorem 3.9 and section 3.4; Meterez et al. 2024, arXiv:2310.02012.
    """

    code = "G104"
    slug = "normalization-growth"
    title = "batch norm makes the gradients grow"
    priority = 58
    anywhere = True
    explains = ("exploding-gradient", "chaos", "sharpness", "oscillation", "lr-too-high", "correlation-collapse", "nonfinite-backward")
    thresholds = {
        "growth": Threshold(1e3, "factor on gradients over all such layers: a thousandth of a useful rate serves the other end"),
        "rate": Threshold(1.02, "per layer; below, it is depth times chance rather than normalization"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first such layer; needs full depth."""
        growth, _ = growths(evidence)
        if growth.total < self.threshold("growth") or growth.per_block < self.threshold("rate"):
            return
        rehearsal = evidence.experiments.get("rehearsal")
        failed = isinstance(rehearsal, Rehearsal) and outcome(rehearsal) != "falls"
        expected = self._expected(evidence, growth)
        known = f" (theory: {expected:.3f})" if expected is not None else ""
        first = growth.blocks[0]
        tried = f" Trained on this one batch the loss goes {course(rehearsal)}." if failed and isinstance(rehearsal, Rehearsal) else ""
        yield self.finding(
            "error" if failed else "warning",
            first.where,
            f"{len(growth.blocks)} batch-normalized layers multiply gradients by {growth.per_block:.3f} each{known}, {growth.total:.1e} in all.{tried}",
            evidence={
                "growth": growth.total, "per_layer": growth.per_block, "expected_per_layer": expected, "layers": len(growth.blocks),
                "losses": list(rehearsal.losses) if isinstance(rehearsal, Rehearsal) else [],
            },
            advice="Add skip connections around every two or three layers, or drop batch norm for a critical initialization; clipping or a lower rate only hide it.",
            node=first.end,
        )  # fmt: skip

    def _expected(self, evidence: Evidence, growth: Growth) -> float | None:
        """√χ_BN of the activation that follows the norms, when they all have the same."""
        ops = {n.op for b in growth.blocks[:-1] for n in evidence.graph.nodes[b.start + 1 : b.end + 1] if n.kind == "activation"}
        nodes = [n for b in growth.blocks for n in evidence.graph.nodes[b.start + 1 : b.end + 1] if n.kind == "activation"]
        phi = activation_of(nodes[0]) if len(ops) == 1 and nodes else None
        return None if phi is None else math.sqrt(batch_norm_growth(phi))

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Sixty ReLU layers with batch norm, which no usual rate trains."""
        yield Specimen("60 batch-normalized ReLU layers, SGD at lr 0.01", lambda: normalized_layers(60), where="0", settings={"depth": "full"})

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Twelve such layers; sixty with skip connections."""
        yield Specimen("12 batch-normalized ReLU layers", lambda: normalized_layers(12), settings={"depth": "full"})
        yield Specimen("30 residual pairs with batch norm", _residual, settings={"depth": "full"})


def normalized_layers(depth: int) -> Case:
    """`depth` times linear (32 wide, He), batch norm, ReLU."""
    layers: list[nn.Module] = []
    for layer in mlp(16, *[32] * depth, 4):
        layers += [layer, nn.BatchNorm1d(layer.out_features)] if isinstance(layer, nn.Linear) else [layer]
    net = nn.Sequential(*layers[:-1])
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01))


class _Residual(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        inner = mlp(32, 32, 32, seed=seed)
        self.inner = nn.Sequential(inner[0], nn.BatchNorm1d(32), nn.ReLU(), inner[2], nn.BatchNorm1d(32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)


def _residual() -> Case:
    net = nn.Sequential(mlp(16, 32), *(_Residual(k) for k in range(30)), mlp(32, 4))
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01))
