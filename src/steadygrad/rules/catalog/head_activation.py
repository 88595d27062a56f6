"""S103: an activation on the scores that switches answers off."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.ops.activation import RECTIFIERS
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.logarithms import logarithms
from steadygrad.rules.pairing import REGRESSION, call_of, maker, pairings
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp, regression

SCORES = {"cross_entropy", "binary_cross_entropy_with_logits", "multi_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "hinge_embedding_loss"}
SQUASHING = {"softmax", "log_softmax", "sigmoid", "logsigmoid"}


class HeadActivation(Rule):
    """A rectifier stands between the last layer and the loss.

    Scores for cross-entropy range over all numbers. After a ReLU the least a class can score is 0, so "surely not" costs
    the other scores a head start; and a score that is 0 for every sample gets no gradient at all: that answer is dead
    before training began. With binary logits, p = σ(relu(z)) ≥ 0.5: "no" cannot be said. It is the same where the softmax
    or sigmoid is a layer of the model and the loss takes its logarithm.

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
        for head, loss in _heads(evidence):
            reading = evidence.signals.get(head.index)
            if head.op not in RECTIFIERS or head.index in seen or reading is None:
                continue
            seen.add(head.index)
            dead = reading.moments.zeros == reading.moments.count and reading.moments.count >= 8
            if dead or loss in SCORES | SQUASHING:
                yield self._finding(head, loss, dead, reading.moments.zero_share)

    def _finding(self, head: Node, loss: str, dead: bool, zeros: float) -> Finding:
        if dead:
            message = f"The outputs go through {head.op} and are zero for every sample: no gradient passes it, nothing before it can learn."
        else:
            floor = "p can never be below 0.5" if loss in ("binary_cross_entropy_with_logits", "sigmoid", "logsigmoid") else "no score can fall below 0"
            message = f"The outputs go through {head.op} before {loss}: {floor}, and the {zeros:.0%} that are zero get no gradient."
        return self.finding(
            "error" if dead else "warning",
            head.where,
            message,
            evidence={"head": head.op, "loss": loss, "zero_share": zeros},
            advice=f"Remove the {head.op} after the last layer; for outputs that must be positive use softplus or exp.",
            snippet=f"{call_of(head.where)} = torch.nn.Identity()" if head.where not in ("", "loss") else "return self.head(x)  # no activation",
            node=head.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """ReLU on scores of four classes, on a binary score, and on a regression that starts all negative."""
        yield Specimen("ReLU on class scores", lambda: classification(nn.Sequential(*mlp(16, 32, 4), nn.ReLU())), where="3")
        yield Specimen("ReLU on a binary score", _binary, where="3")
        yield Specimen("ReLU before a softmax layer", lambda: _then(nn.Softmax(1), lambda p, y: -p.clamp_min(1e-7).gather(1, y[:, None]).log().mean()), where="3")
        yield Specimen("ReLU before log_softmax", lambda: _then(nn.LogSoftmax(1), nn.functional.nll_loss), where="3")
        yield Specimen("ReLU on outputs that are all negative", _dead, where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Raw scores; ReLU for positive amounts."""
        yield Specimen("raw scores", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("ReLU for positive amounts", lambda: _amounts(1.0))


def _heads(evidence: Evidence) -> Iterator[tuple[Node, str]]:
    """What makes the outputs and the loss they meet; of a softmax or sigmoid whose logarithm is the loss, what it is taken of."""
    found = [(pairing.head, pairing.op) for pairing in pairings(evidence)]
    found += [(logarithm.head, "log") for logarithm in logarithms(evidence) if logarithm.moved]
    for head, loss in found:
        yield head, loss
        if head.op in SQUASHING and head.inputs and loss not in REGRESSION:
            yield maker(evidence.graph, head.inputs[0]), head.op


def _then(last: nn.Module, loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = classification(nn.Sequential(*mlp(16, 32, 4), nn.ReLU(), last))
    return Case(case.model, case.inputs, case.targets, loss_fn)


def _binary() -> Case:
    targets = (batch(64, 1, seed=2) > 0).float()
    return Case(nn.Sequential(*mlp(16, 32, 1), nn.ReLU()), batch(64, 16), targets, nn.functional.binary_cross_entropy_with_logits)


def _amounts(bias: float) -> Case:
    net = mlp(16, 32, 1)
    net.get_parameter("2.bias").data.fill_(bias)
    return regression(nn.Sequential(*net, nn.ReLU()), targets=batch(64, 1, seed=2).abs())


def _dead() -> Case:
    return _amounts(-20.0)
