"""B107: dropout that stays on in eval mode."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import dropout, scaled_dot_product_attention

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.lasting_dropout import Lasting
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification


class LastingDropout(Rule):
    """A dropout function is not told the mode, and drops in evaluation as well.

    `torch.nn.functional.dropout` drops unless it is given training=False, and fused attention whatever `dropout_p` says, in any
    mode; layers (`torch.nn.Dropout`) follow `model.eval()`. Answers are then random, and validation says less than the model can
    do. The model runs once in eval mode and its ops are read. Dropout kept on purpose (Monte Carlo dropout) is a warning too.

    Source: torch's documentation of both functions; Gal & Ghahramani 2016, arXiv:1506.02142, for the purpose.
    """

    code = "B107"
    slug = "lasting-dropout"
    title = "dropout that stays on in eval mode"
    priority = 24

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first such op."""
        lasting = evidence.experiments.get("lasting-dropout")
        if not isinstance(lasting, tuple) or not lasting or not all(isinstance(item, Lasting) for item in lasting):
            return
        first, attention = lasting[0], lasting[0].op == "attention"
        others = f" ({len(lasting)} such ops)" if len(lasting) > 1 else ""
        at = f"at `{first.where}`" if first.where else "in the model's forward"
        call = "scaled_dot_product_attention" if attention else first.op
        yield self.finding(
            "warning",
            first.where,
            f"`{call}` {at} drops {first.p:.0%} in eval mode too{others}: evaluation gets random answers.",
            evidence={"p": first.p, "ops": len(lasting), "modules": list(dict.fromkeys(item.where for item in lasting))[:50]},
            advice="Tell it the mode, or use torch.nn.Dropout, which follows model.eval(). Nothing to do if it is meant (Monte Carlo dropout).",
            snippet=f"dropout_p={first.p:g} if self.training else 0.0" if attention else f"torch.nn.functional.{first.op}(x, {first.p:g}, training=self.training)",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Both functions without the mode."""
        yield Specimen("functional dropout", lambda: classification(Dropping(told=False)), where="")
        yield Specimen("fused attention with dropout", lambda: _attending(told=False), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Both with it; a layer; a model that is checked in eval mode."""
        yield Specimen("functional dropout that is told", lambda: classification(Dropping(told=True)))
        yield Specimen("fused attention that is told", lambda: _attending(told=True))
        yield Specimen("a dropout layer", lambda: classification(nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.5), nn.ReLU(), nn.Linear(32, 4))))


class Dropping(nn.Module):
    """Two layers with dropout between them."""

    def __init__(self, told: bool) -> None:
        super().__init__()
        self.first, self.last, self.told = nn.Linear(16, 32), nn.Linear(32, 4), told

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x).relu()
        return self.last(dropout(hidden, 0.3, training=self.training) if self.told else dropout(hidden, 0.3))


class Attending(nn.Module):
    """Attention within sequences, averaged over places."""

    def __init__(self, told: bool) -> None:
        super().__init__()
        self.project, self.told = nn.Linear(16, 48), told

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = self.project(x).chunk(3, -1)
        return scaled_dot_product_attention(query, key, value, dropout_p=0.1 if self.training or not self.told else 0.0).mean(1)


def _attending(told: bool) -> Case:
    return classification(nn.Sequential(Attending(told), nn.Linear(16, 4)), batch(64, 6, 16))
