"""S106: weights that the model uses and does not know."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.strangers import Strangers
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp


class UnregisteredWeights(Rule):
    """The outputs come from trainable tensors that are not among `model.parameters()`, and that no optimizer here holds.

    Layers in a Python list or dict, a tensor with `requires_grad` instead of an `nn.Parameter`, a layer that `forward`
    makes anew: torch registers none of them. An optimizer of `model.parameters()` leaves them as drawn, `model.to(device)`
    leaves them behind, and a checkpoint has not got them. Read off the autograd graph of the outputs, so nothing that
    takes no part counts. Error when less than half of the entries that take part are registered.

    Source: PyTorch documentation, torch.nn.ModuleList and torch.nn.Parameter ("automatically added to the list of its parameters").
    """

    code = "S106"
    slug = "unregistered-weights"
    title = "weights the model does not know"
    priority = 19
    explains = ("lr-too-low", "outside-optimizer", "nothing-trainable", "frozen-among-trainable")
    thresholds = {"share": Threshold(0.5, "less than half of the trainable entries are registered: the rest stays as drawn")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        found = evidence.experiments.get("strangers")
        if not isinstance(found, Strangers):
            return
        registered = sum(p.numel for p in evidence.graph.parameters.values() if p.requires_grad)
        share = registered / (registered + found.entries)
        holder = f"`{found.owner}.{found.attribute}`".replace("`.", "`") if found.attribute else ""
        yield self.finding(
            "error" if share < self.threshold("share") else "warning",
            found.owner,
            f"{len(found.shapes)} trainable tensors with {found.entries:,} entries, {1.0 - share:.0%} of those the answers come from, are not in"
            f" model.parameters(){f'; they are kept in {holder}' if holder else ', nor kept by any module'}.",
            evidence={"shapes": found.shapes[:50], "entries": found.entries, "registered_share": share, "attribute": found.attribute},
            advice="Keep layers in nn.ModuleList, nn.ModuleDict or an attribute of their own, tensors as nn.Parameter, and make none in forward().",
            snippet=f"self.{found.attribute or 'layers'} = nn.ModuleList({found.attribute or 'layers'})",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Layers in a list, a bare tensor, a layer made in forward."""
        yield Specimen("layers in a list", lambda: _case(_Listed(list)), where="")
        yield Specimen("a tensor that is no Parameter", lambda: _case(_Bare(False)), where="")
        yield Specimen("a layer made in forward", lambda: _case(_Anew()), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A ModuleList; a Parameter; layers in a list whose weights the optimizer was given; zeros to begin with, as queries of DETR."""
        yield Specimen("layers in a ModuleList", lambda: _case(_Listed(nn.ModuleList)))
        yield Specimen("a Parameter", lambda: _case(_Bare(True)))
        yield Specimen("layers in a list, given to the optimizer", _given)
        yield Specimen("zeros that want a gradient", lambda: _case(_Begun()))


class _Begun(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = mlp(16, 64)[0], mlp(64, 4)[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.first(x) + torch.zeros(64, requires_grad=True)).relu())


class _Listed(nn.Module):
    def __init__(self, keep: type) -> None:
        super().__init__()
        self.layers, self.head = keep([mlp(16, 64)[0], mlp(64, 64)[0]]), mlp(64, 4)[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)


class _Bare(nn.Module):
    def __init__(self, registered: bool) -> None:
        super().__init__()
        body = mlp(16, 64, 4)
        self.head = body[2]
        weight = body[0].weight.detach().T.clone()
        self.weight = nn.Parameter(weight) if registered else weight.requires_grad_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(x @ self.weight))


class _Anew(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(16, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.Linear(64, 4)(torch.relu(self.body(x)))


def _case(model: nn.Module) -> Case:
    return classification(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))


def _given() -> Case:
    model = _Listed(list)
    weights = [*model.parameters(), *(p for layer in model.layers for p in layer.parameters())]
    return classification(model, optimizer=torch.optim.SGD(weights, lr=0.1))
