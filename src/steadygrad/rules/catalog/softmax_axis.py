"""L112: a softmax over the samples of the batch, or over another axis than the one that holds the classes."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import MOVED, Node
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import call_of, loss_ancestry
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp


class SoftmaxAxis(Rule):
    """The outputs are normalized over the batch axis, or over places or times, not over the classes.

    Softmax along axis 0 of (samples, classes) makes each *column* sum to 1: a sample's probabilities depend on which
    other samples share its batch and add up to anything; raising every class of one sample lowers all others'. The loss
    cannot reach zero (N samples share C units of probability) and prediction for one sample alone is always 1.

    Which axis the classes have is read off the targets: class numbers lack it, one-hot rows add up to 1 along it. Along
    another one – width or height of a picture, the times of a sequence; `dim=-1` where channels come first – the
    places of one class compete, and at each place the classes can all be likely or none.

    Judged on the outputs only: a softmax over axis 0 inside a network or a loss may be meant (contrastive learning).

    Source: Goodfellow et al. 2016, 6.2.2.3 (softmax units); torch.nn.Softmax, argument `dim`; the implicit dim of 0 for 1- and 3-dimensional tensors is deprecated.
    """

    code = "L112"
    slug = "softmax-axis"
    title = "softmax over samples or places"
    priority = 7
    explains = (
        "vanishing-gradient", "loss-at-start", "unstable-log", "lr-too-high", "exploding-gradient", "output-constant",
        "classes-as-regression", "attenuating-activation", "loss-sum", "no-gradient", "correlation-collapse", "lr-too-low", "symmetric-units", "loss-rewards-error", "blind-loss", "mixed-samples",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Softmax nodes that make an output of the model."""
        n, probe = evidence.conditions.batch_size, evidence.experiments.get("loss")
        classes = probe.class_axis if isinstance(probe, LossProbe) else None
        for node in output_softmaxes(evidence):
            shape, dim = node.outputs[0].shape, node.options.get("dim")
            if isinstance(dim, int) and len(shape) > 1 and dim % len(shape) == 0 and shape[0] == n and n > 1 and shape[1] > 1:
                yield self._over_samples(node, shape)
            elif isinstance(dim, int) and classes is not None and node.index in evidence.graph.outputs and dim % len(shape) not in (0, classes):
                yield self._over_places(node, shape, classes)

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

    def _over_places(self, node: Node, shape: tuple[int, ...], classes: int) -> Finding:
        dim = node.options["dim"] % len(shape)
        return self.finding(
            "error",
            node.where,
            f"{node.op} runs over axis {dim} of {shape}, the targets count their classes along axis {classes}: the {shape[dim]} places of one class compete, not the {shape[classes]} classes of one place.",
            evidence={"dim": dim, "shape": shape, "class_axis": classes},
            advice="Normalize over the class axis.",
            snippet=f"{call_of(node.where)} = torch.nn.Softmax(dim={classes})" if node.where else f"torch.{node.op}(scores, dim={classes})",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Softmax and log-softmax over axis 0; over the width of pictures whose classes are channels."""
        yield Specimen("softmax over samples", lambda: _case(nn.Softmax(0), _likelihood), where="3")
        yield Specimen("log_softmax over samples", lambda: _case(nn.LogSoftmax(0), nn.functional.nll_loss), where="3")
        yield Specimen("log_softmax over the width", lambda: _pictures(nn.LogSoftmax(-1), False), where="3")
        yield Specimen("softmax over the width, one-hot targets", lambda: _pictures(nn.Softmax(-1), True), where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The class axis; a contrastive loss, whose softmax runs over samples on purpose."""
        yield Specimen("log_softmax over classes", lambda: _case(nn.LogSoftmax(1), nn.functional.nll_loss))
        yield Specimen("log_softmax over the channels of a picture", lambda: _pictures(nn.LogSoftmax(1), False))
        yield Specimen("softmax over channels, one-hot targets", lambda: _pictures(nn.Softmax(1), True))
        yield Specimen("softmax over the places of a heat map", lambda: _heat(nn.Softmax(-1)))
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


def _pictures(last: nn.Module, one_hot: bool) -> Case:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 4, 3, padding=1), last)
    labels = torch.randint(0, 4, (16, 8, 8), generator=torch.Generator().manual_seed(2))
    if not one_hot:
        return Case(model, batch(16, 3, 8, 8), labels, nn.functional.nll_loss)
    return Case(model, batch(16, 3, 8, 8), nn.functional.one_hot(labels, 4).movedim(-1, 1).float(), _overlap)


def _overlap(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -(y * p.clamp_min(1e-7).log()).sum(1).mean()


def _heat(last: nn.Module) -> Case:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv1d(16, 2, 3, padding=1), last)
    return Case(model, batch(32, 3, 16), (4.0 * batch(32, 2, 16, seed=3)).softmax(-1), lambda p, y: -(y * p.log()).sum(-1).mean())


def _contrastive() -> Case:
    def loss(z: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        scores = z @ other.T / 4.0
        return -(scores.log_softmax(0).diagonal() + scores.log_softmax(1).diagonal()).mean() / 2

    return Case(mlp(16, 32, 16), batch(64, 16), batch(64, 16, seed=2), loss)
