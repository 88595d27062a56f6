"""S111: attention that reads the filler and ignores the tokens."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.padding import Padding
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen

FILLER, WORDS, PLACES = 0, 30, 10


class InvertedMask(Rule):
    """A mask of padding is the wrong way round: tokens are hidden from attention, the filler behind them is what it reads.

    Libraries disagree. `key_padding_mask` and `src_key_padding_mask` of torch's layers are True where attention must *not* look; the
    mask of `scaled_dot_product_attention`, and `attention_mask` of transformers, are True or 1 where it may. Handed from one to the
    other, every place hears of nothing but padding, and a sample without any has no place left to look at: its softmax is NaN.
    Samples whose rows end (or begin) in one repeated number are run in eval mode, and what no query looks at is compared with where
    that number stands; exactly everything else is an error.

    Source: torch's documentation of `MultiheadAttention` and of `scaled_dot_product_attention`.
    """

    code = "S111"
    slug = "inverted-mask"
    title = "attention ignores the tokens and reads the filler"
    priority = 12
    explains = ("nonfinite-forward", "nonfinite-backward", "output-constant", "order-blind", "unread-input", "correlation-collapse", "attention-logits")
    needs_data = True

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first attention that does."""
        padding = evidence.experiments.get("padding")
        if not isinstance(padding, Padding) or padding.ignored != "tokens":
            return
        yield self.finding(
            "error",
            padding.where,
            f"The padding mask is the wrong way round: attention ignores every token and reads the filler ({padding.filler}) behind them.",
            evidence={"filler": padding.filler, "tokens_ignored": list(padding.lengths)},
            advice="Invert it: torch's key_padding_mask is True where attention must not look, an attention_mask of transformers 1 where it may.",
            snippet=f"src_key_padding_mask = ids == {padding.filler}",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Torch's encoder, where some samples have no padding and where all have; written out; filled up in front."""
        yield Specimen("mask of the tokens", lambda: _case(_Encoder(inverted=True)), where="encoder.self_attn")
        yield Specimen("samples without padding", lambda: _case(_Encoder(inverted=True), shortest=6, longest=PLACES), where="encoder.self_attn")
        yield Specimen("filled up in front", lambda: _case(_Encoder(inverted=True), front=True), where="encoder.self_attn")
        yield Specimen("written out", lambda: _case(_WrittenOut(inverted=True)), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The right way round, with a causal mask as well; no mask; nothing filled up."""
        yield Specimen("mask of the filler", lambda: _case(_Encoder(inverted=False)))
        yield Specimen("and a causal mask", lambda: _case(_Encoder(inverted=False, causal=True)))
        yield Specimen("no mask", lambda: _case(_Encoder(inverted=None)))
        yield Specimen("written out, the right way", lambda: _case(_WrittenOut(inverted=False)))


class _Encoder(nn.Module):
    """One layer of a transformer over tokens and positions, classes by the mean of its places."""

    def __init__(self, inverted: bool | None, causal: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.places, self.head = nn.Embedding(WORDS, 32), nn.Parameter(torch.randn(PLACES, 32)), nn.Linear(32, 4)
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.inverted, self.causal = inverted, causal

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = None if self.inverted is None else (ids == FILLER) ^ self.inverted
        later = torch.ones(PLACES, PLACES, dtype=torch.bool).triu(1) if self.causal else None
        x = self.encoder(self.table(ids) + self.places, src_mask=later, src_key_padding_mask=mask)
        return self.head(x.mean(1))


class _WrittenOut(nn.Module):
    """softmax(QKᵀ + mask)·V with the lowest number of the dtype where attention is not to look."""

    def __init__(self, inverted: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.places, self.head = nn.Embedding(WORDS, 32), nn.Parameter(torch.randn(PLACES, 32)), nn.Linear(32, 4)
        self.qkv, self.inverted = nn.Linear(32, 96), inverted

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.table(ids) + self.places
        q, k, v = self.qkv(x).chunk(3, -1)
        hidden = ((ids == FILLER) ^ self.inverted)[:, None, :]
        scores = (q @ k.transpose(1, 2) / 32**0.5).masked_fill(hidden, torch.finfo(x.dtype).min)
        return self.head((x + scores.softmax(-1) @ v).mean(1))


def _case(model: nn.Module, shortest: int = 3, longest: int = PLACES - 2, front: bool = False) -> Case:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, WORDS, (32, PLACES), generator=generator)
    lengths = torch.randint(shortest, longest + 1, (32, 1), generator=generator)
    ids[torch.arange(PLACES) >= lengths] = FILLER
    return Case(model, ids.flip(1) if front else ids, torch.randint(0, 4, (32,), generator=generator), nn.functional.cross_entropy)
