"""G103: parameters the gradient never reaches."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification


class NoGradient(Rule):
    """Parameters that are used in the forward and want a gradient, and get none: the path to the loss is cut.

    `.detach()`, `.data`, `torch.no_grad()`, `argmax`, rounding, or conversion to NumPy between them and the loss.
    Parameters that the forward never used are listed in a note: they may belong to another phase of training.

    Error when more than half of the model's used, trainable entries are cut off: then what is trained is not the model.

    Source: the chain rule; PyTorch's "Autograd mechanics", on `requires_grad` and `detach`.
    """

    code = "G103"
    slug = "no-gradient"
    title = "parameters the gradient never reaches"
    priority = 24
    explains = ("vanishing-gradient", "lr-too-low", "linear-stack")
    thresholds = {"share": Threshold(0.5, "more than half of the trainable entries that the forward used")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding for what is cut off, one note for what was never used."""
        used: dict[str, int] = {}
        for node in evidence.graph.nodes:
            for use in node.uses:
                for name in use.parameters:
                    used.setdefault(name, node.index)
        wanting = {n: p for n, p in evidence.graph.parameters.items() if p.requires_grad}
        reached = {n for n in wanting if evidence.parameters[n].gradient is not None}
        cut = sorted((n for n in wanting if n in used and n not in reached), key=used.__getitem__)
        unused = [n for n in wanting if n not in used and n not in reached]
        if cut and reached:
            yield self._cut(evidence, cut, used)
        if unused and reached:
            yield self._unused(unused, wanting)

    def _cut(self, evidence: Evidence, cut: list[str], used: dict[str, int]) -> Finding:
        parameters = evidence.graph.parameters
        total = sum(parameters[n].numel for n in used if parameters[n].requires_grad)
        share = sum(parameters[n].numel for n in cut) / max(total, 1)
        node = evidence.graph.nodes[used[cut[0]]]
        return self.finding(
            "error" if share > self.threshold("share") else "warning",
            node.where,
            f"{len(cut)} parameters ({share:.0%} of the trainable entries used) get no gradient, from `{cut[0]}` on: the path to the loss is cut after them.",
            evidence={"parameters": cut[:50], "count": len(cut), "share": share},
            advice="Look for .detach(), .data, torch.no_grad(), argmax or a NumPy round trip between them and the loss; or freeze them openly.",
            snippet=f"model.get_parameter({cut[0]!r}).requires_grad_(False)  # if it is meant to be frozen",
            node=node.index,
            parameter=cut[0],
        )

    def _unused(self, unused: list[str], wanting: dict) -> Finding:
        entries = sum(wanting[n].numel for n in unused)
        return self.finding(
            "note",
            wanting[unused[0]].module,
            f"{len(unused)} parameters ({entries:,} entries) were not used in this forward, `{unused[0]}` first.",
            evidence={"parameters": unused[:50], "count": len(unused), "entries": entries},
            advice="Nothing to do if they belong to another mode or task; DistributedDataParallel needs find_unused_parameters=True.",
            parameter=unused[0],
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A detach in the middle."""
        yield Specimen("detach() between two halves", _detached, where="first")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A frozen backbone."""
        yield Specimen("openly frozen backbone", _frozen)


class _Halves(nn.Module):
    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.first, self.second, self.cut = nn.Linear(16, 64), nn.Linear(64, 4), cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x).relu()
        return self.second(hidden.detach() if self.cut else hidden)


def _detached() -> Case:
    torch.manual_seed(0)
    return classification(_Halves(cut=True))


def _frozen() -> Case:
    torch.manual_seed(0)
    net = _Halves(cut=False)
    net.first.requires_grad_(False)
    return classification(net)
