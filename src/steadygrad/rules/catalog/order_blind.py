"""S110: attention over tokens whose order nothing tells."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.ordering import Ordering
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen


class OrderBlind(Rule):
    """Tokens change places, and the answers stay what they were, or change places with them.

    Attention, layers that work on each place alone, and means over places do not know where anything stands: "dog bites man" and
    "man bites dog" are one bag of words to them. What tells is added to the embeddings (sines, a table of positions), turned
    into queries and keys (rotary), added to the scores (relative), or hidden in a causal mask. The same four samples are run
    twice, the second time with all tokens moved by one permutation; to rounding the same answers are a warning. Networks
    of sets of things are meant to be so.

    Silent while a weight, scale or table is still zero: it may be the one that tells, or keep attention from acting.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5; Zaheer et al. 2017, arXiv:1703.06114 (where it is meant).
    """

    code = "S110"
    slug = "order-blind"
    title = "answers do not know the order of the tokens"
    priority = 22
    needs_data = True

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first attention."""
        ordering = evidence.experiments.get("ordering")
        if not isinstance(ordering, Ordering) or ordering.change > 0.0 or _waits(evidence):
            return
        yield self.finding(
            "warning",
            ordering.where,
            "The answers stay the same when the tokens of a sample change places: nothing tells the network their order.",
            evidence={"change": ordering.change},
            advice="Add positions to the embeddings, or turn queries and keys by them (rotary). Nothing to do for sets.",
            snippet="x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]  # self.positions = torch.nn.Embedding(longest, width)",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Classes of sequences and of tokens, without positions."""
        yield Specimen("classes of sequences", lambda: _case(_Encoder(pooled=True)), where="encoder.self_attn")
        yield Specimen("classes of tokens", lambda: _case(_Encoder(pooled=False)), where="encoder.self_attn")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Positions; a table of them that is still zero; a causal mask."""
        yield Specimen("positions", lambda: _case(_Encoder(pooled=True, positions="drawn")))
        yield Specimen("positions that start at zero", lambda: _case(_Encoder(pooled=True, positions="zero")))
        yield Specimen("a causal mask", lambda: _case(_Encoder(pooled=False, causal=True)))


def _waits(evidence: Evidence) -> bool:
    """Whether a weight, scale or table is still zero; biases may be, a table that is added is none."""
    uses = [u for node in evidence.graph.nodes for u in node.uses if u.role != "bias" and (u.role != "shift" or len(u.shape) > 1)]
    names = {name for use in uses for name in use.parameters}
    return any(name in evidence.parameters and evidence.parameters[name].value.moments.absmax == 0.0 for name in names)


class _Encoder(nn.Module):
    """One layer of a transformer over tokens."""

    def __init__(self, pooled: bool, positions: str = "", causal: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = nn.Embedding(30, 32), nn.Linear(32, 4)
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.places = nn.Parameter(torch.randn(10, 32) if positions == "drawn" else torch.zeros(10, 32)) if positions else None
        self.pooled, self.causal = pooled, causal

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.table(tokens) if self.places is None else self.table(tokens) + self.places
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1]) if self.causal else None
        x = self.encoder(x, src_mask=mask)
        return self.head(x.mean(1) if self.pooled else x)


def _case(model: _Encoder) -> Case:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(2, 30, (32, 10), generator=generator)
    targets = torch.randint(0, 4, (32,) if model.pooled else (32, 10), generator=generator)
    return Case(model, tokens, targets, lambda z, y: nn.functional.cross_entropy(z.flatten(0, -2), y.flatten()))
