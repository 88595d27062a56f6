"""L112: a softmax over samples instead of classes."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import MOVED, call_of, loss_ancestry
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class SoftmaxAxis(Rule):
    """The outputs are normalized over the batch axis, not over the classes.

    Softmax along axis 0 of (samples, classes) makes each *column* sum to 1: a sample's probabilities depend on which
    other samples share its batch and add up to anything; raising every class of one sample lowers all others'. The loss
    cannot reach zero (N samples share C units of probability) and prediction for one sample alone is always 1.

    Judged on the outputs only: a softmax over axis 0 inside a network or a loss may be meant (contrastive learning).

    Source: torch.nn.Softmax, argument `dim`; the implicit dim of 0 for 1- and 3-dimensional tensors is deprecated.
    """

    code = "L112"
    slug = "softmax-axis"
    title = "softmax over samples instead of classes"
    priority = 10
    explains = (
        "vanishing-gradient", "loss-at-start", "unstable-log", "lr-too-low", "lr-too-high", "exploding-gradient", "output-constant",
        "classes-as-regression", "attenuating-activation", "loss-sum",
    )  # fmt: skip
    thresholds = {"samples": Threshold(2, "one sample alone: an axis of one entry, which is another fault")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Softmax nodes that make an output of the model."""
        outputs, ancestry = _made_outputs(evidence), loss_ancestry(evidence)
        for node in evidence.graph.nodes:
            shape = node.outputs[0].shape if node.outputs else ()
            if node.kind != "softmax" or node.index not in outputs or len(shape) < 2 or (ancestry and node.index not in ancestry):
                continue
            dim, n = node.options.get("dim"), evidence.conditions.batch_size
            if not isinstance(dim, int) or dim % len(shape) != 0 or shape[0] != n or n < self.threshold("samples") or shape[1] < 2:
                continue
            yield self.finding(
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
        """Softmax and log-softmax over axis 0."""
        yield Specimen("softmax over samples", lambda: _case(nn.Softmax(0), _likelihood), where="3")
        yield Specimen("log_softmax over samples", lambda: _case(nn.LogSoftmax(0), nn.functional.nll_loss), where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The class axis; a contrastive loss, whose softmax runs over samples on purpose."""
        yield Specimen("log_softmax over classes", lambda: _case(nn.LogSoftmax(1), nn.functional.nll_loss))
        yield Specimen("contrastive loss", _contrastive)


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


def _case(last: nn.Module, loss_fn) -> Case:
    case = classification(nn.Sequential(*mlp(16, 32, 4), last))
    return Case(case.model, case.inputs, case.targets, loss_fn)


def _likelihood(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -p.clamp_min(1e-7).gather(1, y[:, None]).log().mean()


def _contrastive() -> Case:
    def loss(z: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        scores = z @ other.T / 4.0
        return -(scores.log_softmax(0).diagonal() + scores.log_softmax(1).diagonal()).mean() / 2

    return Case(mlp(16, 32, 16), batch(64, 16), batch(64, 16, seed=2), loss)
