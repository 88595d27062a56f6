"""A107: attention that looks at one position only."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification


class AttentionLogits(Rule):
    """The scores differ so much that each softmax row is one 1 and zeros: nearly no gradient passes to queries and keys.

    With weights p of n positions, Σp² is 1/n when all are looked at alike, and 1 when one is; the gradient of the scores
    is p_i(δ_ij − p_j), of order 1 − Σp². For an explicit softmax Σp² is measured: n times the second moment of its
    result. A fused attention keeps it to itself; for independent queries and keys its scores have the standard deviation
    s = scale·√d·rms(q)·rms(k), and for Gaussian ones Σp² ≈ 1 − √(2 ln n)/s where s exceeds √(2 ln n) (the random energy
    model's frozen phase). A warning when 90 % of the weight lies on one position.

    Source: Vaswani et al. 2017, section 3.2.1 (why 1/√d); Derrida 1981, Phys. Rev. B 24, eq. 4.11; Zhai et al. 2023,
    arXiv:2303.06296 (attention entropy collapse).
    """

    code = "A107"
    slug = "attention-logits"
    title = "attention on one position only"
    priority = 51
    explains = ("vanishing-gradient", "layer-out-of-line", "lr-too-low")
    thresholds = {"concentration": Threshold(0.9, "Σp²: at most a tenth of the largest gradient is left for queries and keys")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First such attention first."""
        for node in evidence.graph.nodes:
            found = _measured(evidence, node) if node.kind == "softmax" else _predicted(evidence, node) if node.kind == "attention" else None
            if found is None or not found[0] > self.threshold("concentration"):
                continue
            concentration, positions, spread = found
            size = f", scores of standard deviation {spread:.3g}" if spread is not None else ""
            yield self.finding(
                "warning",
                node.where,
                f"Attention looks at one of {positions} positions: {concentration:.0%} of the weight on it{size}; queries and keys get almost no gradient.",
                evidence={"concentration": concentration, "positions": positions, "scores_std": spread},
                advice="Divide the scores by √(head width), or start query and key weights smaller (Xavier), or normalize queries and keys.",
                node=node.index,
            )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Scores that are not divided, by hand and fused."""
        yield Specimen("scores of 64 dimensions, large weights, not divided by √d", lambda: _case(_ByHand(1.0, 4.0)), where="")
        yield Specimen("fused attention with query and key weights ten times too large", lambda: _case(_Fused(12.0)), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same, divided; a causal mask, whose first rows see one position."""
        yield Specimen("scores divided by √d", lambda: _case(_ByHand(64**-0.5, 1.0)))
        yield Specimen("fused attention, torch's default scale", lambda: _case(_Fused(1.0)))
        yield Specimen("causal attention", lambda: _case(_ByHand(64**-0.5, 1.0, causal=True)))


def _measured(evidence: Evidence, node: Node) -> tuple[float, int, float | None] | None:
    """Σp² of an attention's softmax: one whose result is contracted with a signal."""
    reading, size = evidence.signals.get(node.index), node.options.get("size")
    if reading is None or not isinstance(size, int) or size < 4 or node.op != "softmax" or not _is_attention(evidence, node):
        return None
    return size * reading.moments.q, size, None


def _is_attention(evidence: Evidence, node: Node) -> bool:
    readers, index = evidence.graph.consumers(), node.index
    while len(readers[index]) == 1:
        following = evidence.graph.nodes[readers[index][0]]
        if following.kind not in ("dropout", "view", "cast"):
            return following.kind == "contract"
        index = following.index
    return False


def _predicted(evidence: Evidence, node: Node) -> tuple[float, int, float | None] | None:
    """Σp² of a fused attention, from the sizes of its queries and keys; None where one is not a signal of its own."""
    if len(node.inputs) != 3:
        return None
    sources = [_made_by(evidence, index) for index in node.inputs[:2]]
    specs = [evidence.graph.nodes[index].outputs[0] for index in node.inputs[:2]]
    if None in sources or len(specs[1].shape) < 2:
        return None
    positions, width = specs[1].shape[-2], specs[0].shape[-1]
    sizes = [evidence.signals[source].moments.rms for source in sources if source is not None]
    spread = float(node.options["scale"]) * math.sqrt(width) * sizes[0] * sizes[1]
    edge = math.sqrt(2.0 * math.log(positions)) if positions >= 4 else math.inf
    return max(1.0 - edge / spread, 0.0) if spread > 0.0 else 0.0, positions, spread


def _made_by(evidence: Evidence, index: int) -> int | None:
    """The measured node behind views of a query or key; a fused projection of all three counts, its parts being alike."""
    node: Node | None = evidence.graph.nodes[index]
    while node is not None and node.index not in evidence.signals:
        node = evidence.graph.nodes[node.inputs[0]] if node.inputs else None
    return None if node is None else node.index


class _ByHand(nn.Module):
    def __init__(self, scale: float, gain: float, causal: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.query, self.key, self.value, self.head = nn.Linear(16, 64), nn.Linear(16, 64), nn.Linear(16, 64), nn.Linear(64, 4)
        for layer in (self.query, self.key):
            nn.init.xavier_normal_(layer.weight, gain=gain)
        self.scale, self.causal = scale, causal

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.query(x) @ self.key(x).transpose(1, 2) * self.scale
        if self.causal:
            scores = scores.masked_fill(torch.ones(x.shape[1], x.shape[1]).triu(1).bool(), float("-inf"))
        return self.head((scores.softmax(-1) @ self.value(x)).mean(1))


class _Fused(nn.Module):
    def __init__(self, gain: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.head = nn.Linear(16, 3 * 64), nn.Linear(64, 4)
        nn.init.xavier_normal_(self.inner.weight, gain=gain)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (t.unflatten(-1, (2, 32)).transpose(1, 2) for t in self.inner(x).chunk(3, -1))
        return self.head(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2).mean(1))


def _case(model: nn.Module) -> Case:
    return classification(model, batch(64, 12, 16))
