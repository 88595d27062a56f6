"""G103: parameters the gradient never reaches."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification
from steadygrad.rules.weights import share_of_used

MIXING = ("affine", "activation", "norm", "contract", "attention")


class NoGradient(Rule):
    """Parameters that are used in the forward and want a gradient, and get none: the path to the loss is cut.

    `.detach()`, `.data`, `torch.no_grad()`, `argmax`, rounding, or conversion to NumPy between them and the loss.
    Parameters that the forward never used, and those that only make outputs which the loss does not read (poolers), are listed in
    notes: they may belong to another phase of training, or another task.

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
        """One finding for what is cut off, notes for what the loss does not read and for what was never used."""
        used: dict[str, int] = {}
        for node in evidence.graph.nodes:
            for use in node.uses:
                for name in use.parameters:
                    used.setdefault(name, node.index)
        wanting = {n: p for n, p in evidence.graph.parameters.items() if p.requires_grad}
        reached = {n for n in wanting if evidence.parameters[n].gradient is not None}
        cut = sorted((n for n in wanting if n in used and n not in reached), key=used.__getitem__)
        unused = [n for n in wanting if n not in used and n not in reached]
        aside = [] if share_of_used(evidence, cut) > self.threshold("share") else _aside(evidence, cut)
        cut = [n for n in cut if n not in aside]
        if cut and reached:
            yield self._cut(evidence, cut, used)
        if aside and reached:
            yield self._beside(evidence, aside, used)
        if unused and reached:
            yield self._unused(unused, wanting)

    def _cut(self, evidence: Evidence, cut: list[str], used: dict[str, int]) -> Finding:
        share = share_of_used(evidence, cut)
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

    def _beside(self, evidence: Evidence, aside: list[str], used: dict[str, int]) -> Finding:
        node = evidence.graph.nodes[used[aside[0]]]
        what = "what no output holds" if evidence.graph.loss is None else "outputs that the loss does not read"
        return self.finding(
            "note",
            node.where,
            f"{len(aside)} parameters ({share_of_used(evidence, aside):.0%} of the trainable entries used) make {what}, `{aside[0]}` first.",
            evidence={"parameters": aside[:50], "count": len(aside)},
            advice="Nothing to do if another task reads them; DistributedDataParallel needs find_unused_parameters=True.",
            node=node.index,
            parameter=aside[0],
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
        yield Specimen("one small layer behind a detach", _small_detached, where="aside")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A frozen backbone; a pooler whose output the loss does not read."""
        yield Specimen("openly frozen backbone", _frozen)
        yield Specimen("a pooler beside what the loss reads", _pooler)


def _aside(evidence: Evidence, names: list[str]) -> list[str]:
    """Those that no op of the loss, or where there is none of the outputs, depends on, through a detach or not.

    None where such an op reads numbers of unknown origin: they may have come from these parameters by way of NumPy or a list.
    """
    graph = evidence.graph
    ends = graph.outputs if graph.loss is None else (graph.loss,)
    if not ends:
        return []
    read = set(ends).union(*map(graph.ancestors, ends))
    sources = [graph.nodes[index] for index in read if not graph.nodes[index].inputs and graph.nodes[index].kind in MIXING]
    unknown = (node for node in sources if all(use.role != "other" for use in node.uses))  # learned queries, say, are parameters as well
    if any(not node.op.startswith("embedding") for node in unknown):  # those read places, which carry no gradient
        return []
    return [n for n in names if not read.intersection(node.index for node, _ in graph.uses_of(n))]


class _Halves(nn.Module):
    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.first, self.second, self.cut = nn.Linear(16, 64), nn.Linear(64, 4), cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x).relu()
        return self.second(hidden.detach() if self.cut else hidden)


class _Beside(nn.Module):
    """Scores, and with `pooled` a second output beside them; else a small layer whose detached result is added."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.first, self.second, self.aside, self.pooled = nn.Linear(16, 64), nn.Linear(64, 4), nn.Linear(16, 4), pooled

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        scores, beside = self.second(self.first(x).relu()), self.aside(x).tanh()
        return (scores, beside) if self.pooled else scores + beside.detach()


def _small_detached() -> Case:
    torch.manual_seed(0)
    return classification(_Beside(pooled=False))


def _pooler() -> Case:
    torch.manual_seed(0)
    case = classification(_Beside(pooled=True))
    loss = case.loss_fn
    return replace(case, loss_fn=lambda outputs, targets: loss(outputs[0], targets))


def _detached() -> Case:
    torch.manual_seed(0)
    return classification(_Halves(cut=True))


def _frozen() -> Case:
    torch.manual_seed(0)
    net = _Halves(cut=False)
    net.first.requires_grad_(False)
    return classification(net)
