"""S109: an answer that sees the entry it is to predict."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.lookahead import Lookahead
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import mlp


class SeesTarget(Rule):
    """The target of a place in a sequence is the entry after it, and the answer there can read that entry.

    All entries of the second half are exchanged for another sequence's, and the answers of the first half are compared. A
    model of sequences that is to predict what comes next must give the same ones. Where they change, the loss falls far
    below what prediction allows by copying the answer out of the inputs, and nothing is learned for the day on which the next entry is not
    there: a causal mask that is missing, turned around or filled with 0 instead of −∞, a recurrent layer that also runs
    backward, a norm or a mean over time.

    Told from the data: targets that are the inputs moved by one place, or the inputs themselves under a loss that leaves out
    the answer at the last place. Where the targets are the inputs themselves, every answer counts and none sees a later
    entry, each place is only asked to copy what it reads: the shift was forgotten (a warning).

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3 (masks keep predictions from depending on later positions).
    """

    code = "S109"
    slug = "sees-target"
    title = "answers see what they are to predict"
    priority = 9
    needs_data = True
    explains = ("train-eval-gap", "correlation-collapse", "lr-too-low")
    thresholds = {"change": Threshold(1e-3, "rms change of the earlier answers; rounding makes 1e-6")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        seen = evidence.experiments.get("lookahead")
        if not isinstance(seen, Lookahead):
            return
        if seen.asked == "next" and seen.change > self.threshold("change"):
            place = f"first in `{seen.where}`" if seen.where else "first outside of all modules"
            yield self.finding(
                "error",
                seen.where,
                f"Each place is to predict the entry after it, and its answer changes by {seen.change:.2g} of its size when later entries are exchanged,"
                f" {place}: the answer can be read off.",
                evidence={"change": seen.change, "asked": seen.asked},
                advice="Mask later positions with −∞ before the softmax; let recurrent layers run forward only; keep means and norms off the time axis.",
                snippet="torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)",
            )
        elif seen.asked == "same" and seen.change == 0.0:
            yield self.finding(
                "warning",
                "targets",
                "The targets are the inputs themselves, and no answer depends on a later entry: copying what stands at the same place is enough.",
                evidence={"change": 0.0, "asked": seen.asked},
                advice="Move the targets by one place: each is to be the entry after the one that is read there.",
                snippet="inputs, targets = tokens[:, :-1], tokens[:, 1:]",
            )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Attention without a mask, with one of zeros, under a loss that shifts; a backward recurrent layer; no shift at all."""
        yield Specimen("attention without a mask", lambda: _next(_Attending(None)), where="")
        yield Specimen("scores of later places set to 0", lambda: _next(_Attending(0.0)), where="")
        yield Specimen("a loss that shifts", lambda: _shifting(_Attending(None)), where="")
        yield Specimen("LSTM that also runs backward", lambda: _next(_Recurrent(True)), where="lstm")
        yield Specimen("targets not moved", lambda: Case(_Attending(-torch.inf), _tokens(), _tokens(), _likelihood), where="targets")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A causal mask; a loss that shifts; a forward LSTM; an autoencoder, which is to give back what it reads."""
        yield Specimen("causal attention", lambda: _next(_Attending(-torch.inf)))
        yield Specimen("causal attention under a loss that shifts", lambda: _shifting(_Attending(-torch.inf)))
        yield Specimen("LSTM", lambda: _next(_Recurrent(False)))
        yield Specimen("autoencoder", lambda: Case(_Recurrent(True), _tokens(), _tokens(), _likelihood))


def _tokens(length: int = 12) -> torch.Tensor:
    return torch.randint(0, 20, (32, length), generator=torch.Generator().manual_seed(2))


def _likelihood(scores: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(scores.flatten(0, 1), tokens.flatten())


def _next(model: nn.Module) -> Case:
    tokens = _tokens(13)
    return Case(model, tokens[:, :-1], tokens[:, 1:], _likelihood)


def _shifting(model: nn.Module) -> Case:
    return Case(model, _tokens(), _tokens(), lambda z, y: _likelihood(z[:, :-1], y[:, 1:]))


class _Attending(nn.Module):
    """One head; scores of later places become `fill`."""

    def __init__(self, fill: float | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.place, self.norm = nn.Embedding(20, 32), nn.Embedding(16, 32), nn.LayerNorm(32)
        self.inner, self.outer, self.head, self.fill = mlp(32, 96), mlp(32, 32, seed=3), mlp(32, 20, seed=5), fill

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        length = tokens.shape[1]
        x = self.table(tokens) + self.place.weight[:length]
        q, k, v = self.inner(self.norm(x)).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / 32**0.5
        if self.fill is not None:
            scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), self.fill)
        return self.head(x + self.outer(scores.softmax(-1) @ v))


class _Recurrent(nn.Module):
    def __init__(self, bidirectional: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.lstm = nn.Embedding(20, 16), nn.LSTM(16, 16, batch_first=True, bidirectional=bidirectional)
        self.head = mlp(32 if bidirectional else 16, 20)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.table(tokens))[0])
