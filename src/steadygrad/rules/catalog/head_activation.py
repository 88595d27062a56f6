"""S103: an activation on the scores that switches answers off."""

from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import Pairing, call_of, pairings
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp, regression

SCORES = {"cross_entropy", "binary_cross_entropy_with_logits", "multi_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "hinge_embedding_loss"}
RECTIFIERS = {"relu", "relu6", "threshold", "hardshrink"}


class HeadActivation(Rule):
    """A rectifier stands between the last layer and the loss.

    Scores for cross-entropy range over all numbers. After a ReLU the least a class can score is 0, so "surely not" costs
    the other scores a head start; and a score that is 0 for every sample gets no gradient at all: that answer is dead
    before training began. With binary logits, p = σ(relu(z)) ≥ 0.5: "no" cannot be said.

    A warning; an error when every output is zero for every sample, since then no gradient passes.

    Source: Goodfellow et al. 2016, 6.2.2 (output units); Lu et al. 2019, arXiv:1903.06733 (dying ReLU).
    """

    code = "S103"
    slug = "head-activation"
    title = "rectifier on the outputs"
    priority = 22
    explains = (
        "dead-units", "no-gradient", "vanishing-gradient", "output-constant", "loss-at-start", "lr-too-low", "symmetric-units", "bias-only",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each head once."""
        seen = set()
        for pairing in pairings(evidence):
            head, reading = pairing.head, evidence.signals.get(pairing.head.index)
            if head.op not in RECTIFIERS or head.index in seen or reading is None:
                continue
            seen.add(head.index)
            dead = reading.moments.zeros == reading.moments.count and reading.moments.count >= 8
            if dead or pairing.op in SCORES:
                yield self._finding(pairing, dead, reading.moments.zero_share)

    def _finding(self, pairing: Pairing, dead: bool, zeros: float) -> Finding:
        head = pairing.head
        if dead:
            message = f"The outputs go through {head.op} and are zero for every sample: no gradient passes it, nothing before it can learn."
        else:
            floor = "p can never be below 0.5" if pairing.op == "binary_cross_entropy_with_logits" else "no score can fall below 0"
            message = f"The outputs go through {head.op} before {pairing.op}: {floor}, and the {zeros:.0%} that are zero get no gradient."
        return self.finding(
            "error" if dead else "warning",
            head.where,
            message,
            evidence={"head": head.op, "loss": pairing.op, "zero_share": zeros},
            advice=f"Remove the {head.op} after the last layer; for outputs that must be positive use softplus or exp.",
            snippet=f"{call_of(head.where)} = torch.nn.Identity()" if head.where not in ("", "loss") else "return self.head(x)  # no activation",
            node=head.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """ReLU on scores of four classes, on a binary score, and on a regression that starts all negative."""
        yield Specimen("ReLU on class scores", lambda: classification(nn.Sequential(*mlp(16, 32, 4), nn.ReLU())), where="3")
        yield Specimen("ReLU on a binary score", _binary, where="3")
        yield Specimen("ReLU on outputs that are all negative", _dead, where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Raw scores; ReLU for positive amounts."""
        yield Specimen("raw scores", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("ReLU for positive amounts", lambda: _amounts(1.0))


def _binary() -> Case:
    targets = (batch(64, 1, seed=2) > 0).float()
    return Case(nn.Sequential(*mlp(16, 32, 1), nn.ReLU()), batch(64, 16), targets, nn.functional.binary_cross_entropy_with_logits)


def _amounts(bias: float) -> Case:
    net = mlp(16, 32, 1)
    net.get_parameter("2.bias").data.fill_(bias)
    return regression(nn.Sequential(*net, nn.ReLU()), targets=batch(64, 1, seed=2).abs())


def _dead() -> Case:
    return _amounts(-20.0)
