"""S102: nothing can be trained."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import MOVED, Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import maker
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp
from steadygrad.rules.weights import weighted

CUTS = {"detach", "data", "round", "floor", "ceil", "trunc", "sign", "heaviside", "bernoulli"}


class NothingTrainable(Rule):
    """No parameter gets a gradient: all are frozen, or the loss does not depend on any of them differentiably.

    Every parameter has `requires_grad=False`; or something between the last layer and the loss cuts the path –
    `.detach()`, `.data`, `argmax`, `torch.no_grad()`, a NumPy round trip, a loss rebuilt with `torch.tensor(loss)`.
    Optimizers skip parameters without gradients, so training runs and changes nothing. A warning where only the biases of
    the last layer train: they add the same to every sample's answer.

    Source: PyTorch's "Autograd mechanics" (requires_grad, detach, no-grad mode).
    """

    code = "S102"
    slug = "nothing-trainable"
    title = "no parameter gets a gradient"
    priority = 18
    explains = (
        "no-gradient", "vanishing-gradient", "output-constant", "lr-too-low", "lr-too-high", "outside-optimizer", "loss-at-start",
        "linear-stack", "dead-units", "saturation",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        parameters = evidence.graph.parameters
        trained = {name for name, reading in evidence.parameters.items() if reading.gradient is not None}
        if not parameters:
            return
        if trained:
            shifts = _last_biases(evidence)
            if trained <= shifts and len(trained) < len(parameters) and evidence.graph.outputs:
                yield self._shifts(evidence, sorted(trained), len(parameters))
            return
        wanting = [p for p in parameters.values() if p.requires_grad]
        if not wanting:
            yield self._frozen(len(parameters))
        else:
            yield self._cut(evidence, len(wanting))

    def _frozen(self, count: int) -> Finding:
        return self.finding(
            "error",
            "",
            f"All {count} parameters have requires_grad=False: there is nothing to train.",
            evidence={"parameters": count},
            advice="Unfreeze what should learn, at least the last layer.",
            snippet="for p in model.parameters():\n    p.requires_grad_(True)",
        )

    def _shifts(self, evidence: Evidence, names: list[str], count: int) -> Finding:
        weights = [w for w in weighted(evidence) if w.node.op != "embedding"]
        first = weights[0].node if weights else None
        return self.finding(
            "warning",
            first.where if first is not None else "",
            f"Of {count} parameters only the last bias trains (`{names[0]}`): it shifts every sample's answer alike, and nothing else can change.",
            evidence={"parameters": count, "trained": names},
            advice="Unfreeze at least the last layer's weight, unless the bias is all you mean to calibrate.",
            snippet="for p in model.parameters():\n    p.requires_grad_(True)",
            node=first.index if first is not None else None,
        )

    def _cut(self, evidence: Evidence, count: int) -> Finding:
        node = _cutting(evidence)
        here = f"`{node.op}` in `{node.where or 'the model'}` cuts the path" if node is not None else "something between them cuts the path"
        return self.finding(
            "error",
            node.where if node is not None else "" if evidence.conditions.cotangent or evidence.loss is None else "loss",
            f"None of {count} trainable parameters gets a gradient: the {'outputs do' if evidence.conditions.cotangent else 'loss does'}"
            f" not depend on them differentiably; {here}.",
            evidence={"parameters": count, "op": node.op if node is not None else None},
            advice="Look for .detach(), .data, argmax, torch.no_grad(), .item() or torch.tensor(loss) between the model and the loss.",
            snippet="assert loss.requires_grad, loss.grad_fn",
            node=node.index if node is not None else None,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """All frozen; detached outputs; accuracy as a loss; a forward without gradients."""
        yield Specimen("all frozen", _frozen, where="")
        yield Specimen("all frozen but the last bias", _calibrated, where="0")
        yield Specimen("outputs detached in the loss", lambda: _with(_detached), where="loss")
        yield Specimen("accuracy as a loss", lambda: _with(lambda z, y: 1.0 - (z.argmax(1) == y).float().mean()), where="loss")
        yield Specimen("a forward under no_grad", lambda: classification(_Silent()), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A frozen body under a trainable head; a detached target."""
        yield Specimen("frozen body", _fine_tuned)
        yield Specimen("detached branch beside the path", lambda: _with(_beside))


def _cutting(evidence: Evidence) -> Node | None:
    """The last op on the way to the loss that passes numbers and no gradient; None when none is known to."""
    graph = evidence.graph
    ends = set(graph.outputs) if graph.loss is None else {graph.loss}
    path = ends | {i for end in ends for i in graph.ancestors(end)}
    return next((n for n in reversed(graph.nodes) if n.index in path and n.op in CUTS), None)


def _last_biases(evidence: Evidence) -> set[str]:
    """Biases of the layers that make the outputs."""
    graph = evidence.graph
    makers = [maker(graph, i, (*MOVED, "softmax", "activation")) for i in graph.outputs]
    return {name for node in makers for use in node.uses if use.role == "bias" for name in use.parameters}


class _Silent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(16, 32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self.net(x)


def _frozen() -> Case:
    return classification(mlp(16, 32, 4).requires_grad_(False))


def _calibrated() -> Case:
    net = mlp(16, 32, 4).requires_grad_(False)
    net[2].bias.requires_grad_(True)
    return classification(net)


def _fine_tuned() -> Case:
    net = mlp(16, 32, 4)
    net[0].requires_grad_(False)
    return classification(net)


def _detached(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(outputs.detach(), targets)


def _beside(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(outputs, targets) + 0.0 * outputs.detach().square().mean()


def _with(loss_fn: Callable[..., torch.Tensor]) -> Case:
    return Case(mlp(16, 32, 4), batch(64, 16), classification(mlp(16, 4)).targets, loss_fn)
