"""L112: a softmax over something else than the classes."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import MOVED, Pairing, call_of, loss_ancestry, pairings
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp


class SoftmaxAxis(Rule):
    """The outputs are normalized over the batch axis, or over an axis of one entry, not over the classes.

    Softmax over an axis of one entry is exp(z)/exp(z) = 1 with derivative p(1 − p) = 0: an output of 1 for ever, and a
    gradient of exactly zero for everything before it. Softmax along axis 0 of (samples, classes) makes each *column* sum to 1: a sample's probabilities depend on which
    other samples share its batch and add up to anything; raising every class of one sample lowers all others'. The loss
    cannot reach zero (N samples share C units of probability) and prediction for one sample alone is always 1.

    Judged on the outputs only: a softmax over axis 0 inside a network or a loss may be meant (contrastive learning).

    Source: Goodfellow et al. 2016, 6.2.2.3 (softmax units); torch.nn.Softmax, argument `dim`; the implicit dim of 0 for 1- and 3-dimensional tensors is deprecated.
    """

    code = "L112"
    slug = "softmax-axis"
    title = "softmax over samples, or over a single entry"
    priority = 7
    explains = (
        "vanishing-gradient", "loss-at-start", "unstable-log", "lr-too-high", "exploding-gradient", "output-constant",
        "classes-as-regression", "attenuating-activation", "loss-sum", "no-gradient", "correlation-collapse", "lr-too-low", "symmetric-units", "loss-rewards-error",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Softmax nodes that make an output of the model; cross-entropy over one class."""
        yield from (self._one_class(p) for p in pairings(evidence) if p.op == "cross_entropy" and len(p.predicted) > 1 and p.predicted[1] == 1)
        outputs, ancestry = _made_outputs(evidence), loss_ancestry(evidence)
        n = evidence.conditions.batch_size
        for node in evidence.graph.nodes:
            if node.kind != "softmax" or node.index not in outputs or not node.outputs or (ancestry and node.index not in ancestry):
                continue
            shape, dim = node.outputs[0].shape, node.options.get("dim")
            if node.options.get("size") == 1 and shape[0] == n:
                yield self._single(node)
            elif isinstance(dim, int) and len(shape) > 1 and dim % len(shape) == 0 and shape[0] == n and n > 1 and shape[1] > 1:
                yield self._over_samples(node, shape)

    def _single(self, node: Node) -> Finding:
        value = 0 if node.op == "log_softmax" else 1
        return self.finding(
            "error",
            node.where,
            f"{node.op} over an axis of one entry is {value} for every sample, and its gradient is exactly zero.",
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

    def _over_samples(self, node: Node, shape: tuple[int, ...]) -> Finding:
        dim, n = node.options["dim"], shape[0]
        return self.finding(
            "error",
            node.where,
            f"{node.op} runs over axis {dim} of {shape}, the {n} samples of the batch: each class sums to 1 over samples, not each sample over its {shape[1]} classes.",
            evidence={"dim": dim, "shape": shape, "samples": n},
            advice="Normalize over the class axis.",
            snippet=f"{call_of(node.where)} = torch.nn.Softmax(dim=1)" if node.where else f"torch.{node.op}(logits, dim=1)",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Softmax and log-softmax over axis 0; softmax on one output, under two losses."""
        yield Specimen("softmax over samples", lambda: _case(nn.Softmax(0), _likelihood), where="3")
        yield Specimen("log_softmax over samples", lambda: _case(nn.LogSoftmax(0), nn.functional.nll_loss), where="3")
        yield Specimen("softmax on one output", lambda: _single(nn.functional.binary_cross_entropy), where="3")
        yield Specimen("softmax on one output under squared error", lambda: _single(nn.functional.mse_loss), where="3")
        yield Specimen("cross_entropy over one class", lambda: _single(nn.functional.cross_entropy, last=nn.Identity()), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The class axis; a contrastive loss, whose softmax runs over samples on purpose; attention over one position."""
        yield Specimen("log_softmax over classes", lambda: _case(nn.LogSoftmax(1), nn.functional.nll_loss))
        yield Specimen("contrastive loss", _contrastive)
        yield Specimen("attention over one position", lambda: classification(_Attend(), batch(64, 1, 16)))


def _made_outputs(evidence: Evidence) -> set[int]:
    """The nodes that made the model's outputs, seen through views and casts."""
    graph, found = evidence.graph, set()
    for index in graph.outputs:
        node: Node = graph.nodes[index]
        found.add(node.index)
        while node.kind in MOVED and node.inputs:
            node = graph.nodes[node.inputs[0]]
            found.add(node.index)
    return found


class _Attend(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.score, self.head = mlp(16, 1), mlp(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.score(x).softmax(1) * x).sum(1))


def _single(loss: Callable[..., torch.Tensor], last: nn.Module | None = None) -> Case:
    targets = (batch(64, 1, seed=2) > 0).float()
    return Case(nn.Sequential(*mlp(16, 32, 1), last or nn.Softmax(1)), batch(64, 16), targets, loss)


def _case(last: nn.Module, loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = classification(nn.Sequential(*mlp(16, 32, 4), last))
    return Case(case.model, case.inputs, case.targets, loss_fn)


def _likelihood(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -p.clamp_min(1e-7).gather(1, y[:, None]).log().mean()


def _contrastive() -> Case:
    def loss(z: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        scores = z @ other.T / 4.0
        return -(scores.log_softmax(0).diagonal() + scores.log_softmax(1).diagonal()).mean() / 2

    return Case(mlp(16, 32, 16), batch(64, 16), batch(64, 16, seed=2), loss)
