"""L114: a softmax over one class."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.catalog.softmax_axis import output_softmaxes
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import Pairing, call_of, pairings
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp


class SoftmaxOfOne(Rule):
    """The model has one output per sample, and a softmax over it: the answer is 1 whatever the model computes.

    exp(z)/exp(z) = 1 with derivative p(1 − p) = 0: the output is constant, and the gradient of everything before it is
    exactly zero. Under `cross_entropy` the loss is 0 from the start. Most often a two-class problem in which one output was given
    the multi-class head.

    Judged on outputs only: attention over a single position is a softmax over one entry, too, and does no harm.

    Source: Goodfellow et al. 2016, 6.2.2.2 and 6.2.2.3: one Bernoulli output takes a sigmoid, n ≥ 2 classes a softmax.
    """

    code = "L114"
    slug = "softmax-of-one"
    title = "softmax over a single output"
    priority = 7
    explains = (
        "vanishing-gradient", "loss-at-start", "unstable-log", "lr-too-high", "exploding-gradient", "output-constant", "classes-as-regression",
        "attenuating-activation", "loss-sum", "no-gradient", "correlation-collapse", "lr-too-low", "symmetric-units", "loss-rewards-error", "blind-loss",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Softmax nodes that make an output of the model; cross-entropy over one class."""
        yield from (self._one_class(p) for p in pairings(evidence) if p.op == "cross_entropy" and len(p.predicted) > 1 and p.predicted[1] == 1)
        n = evidence.conditions.batch_size
        yield from (self._single(node) for node in output_softmaxes(evidence) if node.options.get("size") == 1 and node.outputs[0].shape[0] == n)

    def _single(self, node: Node) -> Finding:
        value = 0 if node.op == "log_softmax" else 1
        return self.finding(
            "error",
            node.where,
            f"The output is constant: {node.op} over a single output is {value} for every sample, and its gradient is exactly zero.",
            evidence={"op": node.op, "size": 1, "dim": node.options.get("dim")},
            advice="One output per sample means yes or no: use a sigmoid (or none, with binary_cross_entropy_with_logits); for C classes give the last layer C outputs.",
            snippet=f"{call_of(node.where)} = torch.nn.Sigmoid()" if node.where else "return logits.sigmoid()",
            node=node.index,
        )

    def _one_class(self, pairing: Pairing) -> Finding:
        return self.finding(
            "error",
            "loss",
            f"cross_entropy gets one class (outputs of shape {pairing.predicted}): its softmax is 1 and the loss 0 whatever the model answers.",
            evidence={"shape": pairing.predicted},
            advice="One output per sample means yes or no: use binary_cross_entropy_with_logits; for C classes give the last layer C outputs.",
            snippet="loss = torch.nn.functional.binary_cross_entropy_with_logits(outputs, targets.float().view_as(outputs))",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A softmax on one output under two losses; cross-entropy over one class."""
        yield Specimen("softmax on one output", lambda: _single(nn.functional.binary_cross_entropy), where="3")
        yield Specimen("softmax on one output under squared error", lambda: _single(nn.functional.mse_loss), where="3")
        yield Specimen("cross_entropy over one class", lambda: _single(nn.functional.cross_entropy, last=nn.Identity()), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Two outputs; attention over one position."""
        yield Specimen("two outputs under cross_entropy", lambda: classification(mlp(16, 32, 2), classes=2))
        yield Specimen("attention over one position", lambda: classification(_Attend(), batch(64, 1, 16)))


class _Attend(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.score, self.head = mlp(16, 1), mlp(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.score(x).softmax(1) * x).sum(1))


def _single(loss: Callable[..., torch.Tensor], last: nn.Module | None = None) -> Case:
    targets = (batch(64, 1, seed=2) > 0).float()
    return Case(nn.Sequential(*mlp(16, 32, 1), last or nn.Softmax(1)), batch(64, 16), targets, loss)
