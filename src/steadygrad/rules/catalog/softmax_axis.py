"""L112: a softmax over the samples of the batch."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import MOVED, call_of, loss_ancestry
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp


class SoftmaxAxis(Rule):
    """The outputs are normalized over the batch axis, not over the classes.

    Softmax along axis 0 of (samples, classes) makes each *column* sum to 1: a sample's probabilities depend on which
    other samples share its batch and add up to anything; raising every class of one sample lowers all others'. The loss
    cannot reach zero (N samples share C units of probability) and prediction for one sample alone is always 1.

    Judged on the outputs only: a softmax over axis 0 inside a network or a loss may be meant (contrastive learning).

    Source: Goodfellow et al. 2016, 6.2.2.3 (softmax units); torch.nn.Softmax, argument `dim`; the implicit dim of 0 for 1- and 3-dimensional tensors is deprecated.
    """

    code = "L112"
    slug = "softmax-axis"
    title = "softmax over samples"
    priority = 7
    explains = (
        "vanishing-gradient", "loss-at-start", "unstable-log", "lr-too-high", "exploding-gradient", "output-constant",
        "classes-as-regression", "attenuating-activation", "loss-sum", "no-gradient", "correlation-collapse", "lr-too-low", "symmetric-units", "loss-rewards-error", "blind-loss", "mixed-samples",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Softmax nodes that make an output of the model."""
        n = evidence.conditions.batch_size
        for node in output_softmaxes(evidence):
            shape, dim = node.outputs[0].shape, node.options.get("dim")
            if isinstance(dim, int) and len(shape) > 1 and dim % len(shape) == 0 and shape[0] == n and n > 1 and shape[1] > 1:
                yield self._over_samples(node, shape)

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
        """Softmax and log-softmax over axis 0."""
        yield Specimen("softmax over samples", lambda: _case(nn.Softmax(0), _likelihood), where="3")
        yield Specimen("log_softmax over samples", lambda: _case(nn.LogSoftmax(0), nn.functional.nll_loss), where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The class axis; a contrastive loss, whose softmax runs over samples on purpose."""
        yield Specimen("log_softmax over classes", lambda: _case(nn.LogSoftmax(1), nn.functional.nll_loss))
        yield Specimen("contrastive loss", _contrastive)


def output_softmaxes(evidence: Evidence) -> Iterator[Node]:
    """Softmax nodes that make an output of the model on which the loss depends."""
    outputs, ancestry = _made_outputs(evidence), loss_ancestry(evidence)
    for node in evidence.graph.nodes:
        if node.kind == "softmax" and node.index in outputs and node.outputs and (not ancestry or node.index in ancestry):
            yield node


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
