"""O103: parameters that get a gradient and are never stepped."""

from collections.abc import Collection, Iterator

import torch

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp


class OutsideOptimizer(Rule):
    """Trainable parameters that no group of the optimizer holds, or an optimizer that holds other tensors.

    Typical: the optimizer was built before `model.to(...)` replaced parameters, before a layer was swapped, from a copy,
    or from one part of the model. Error when the optimizer trains none, or less than half of the trainable entries that
    got a gradient; otherwise a warning.

    Source: PyTorch documentation, torch.optim, "Constructing it"; diagnosis by comparing identities.
    """

    code = "O103"
    slug = "outside-optimizer"
    title = "parameters the optimizer does not know"
    priority = 22
    explains = ("lr-too-low",)
    thresholds = {"share": Threshold(0.5, "less than half of the trainable entries are stepped: another model is being trained")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs an optimizer."""
        if evidence.optimizer is None:
            return
        held = {name for group in evidence.optimizer.groups for name in group.parameters}
        wanting = {n: p for n, p in evidence.graph.parameters.items() if p.requires_grad and evidence.parameters[n].gradient is not None}
        outside = [n for n in wanting if n not in held]
        if not outside or (held and not held.intersection(wanting) and not evidence.optimizer.foreign):
            return  # what it does hold gets no gradient: G103 says from where on
        total = sum(p.numel for p in wanting.values())
        share = 1.0 - sum(wanting[n].numel for n in outside) / max(total, 1)
        foreign = evidence.optimizer.foreign
        stale = f"; it holds {foreign} tensors that are not the model's, so it was built from another or an older model" if foreign else ""
        yield self.finding(
            "error" if share < self.threshold("share") and (foreign or not _by_children(held, wanting)) else "warning",
            "optimizer",
            f"{evidence.optimizer.name} steps {share:.0%} of the trainable entries: {len(outside)} parameters are outside, `{outside[0]}` first{stale}.",
            evidence={"outside": outside[:50], "count": len(outside), "stepped_share": share, "foreign_tensors": foreign},
            advice="Build the optimizer after the model is complete and on its device, from all of its parameters.",
            snippet="optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)",
            parameter=outside[0],
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """An optimizer of another copy, and of the last layer only."""
        yield Specimen("optimizer of another copy of the model", _stale, where="optimizer")
        yield Specimen("optimizer of the last layer only", _partial, where="optimizer")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """All parameters in two groups."""
        yield Specimen("two parameter groups", _groups)


def _by_children(held: Collection[str], trainable: Collection[str]) -> bool:
    """Whether whole children of the model are stepped and others are not, as when each has an optimizer of its own."""
    stepped = {name.partition(".")[0] for name in trainable if name in held}
    return bool(stepped) and stepped.isdisjoint(name.partition(".")[0] for name in trainable if name not in held)


def _stale() -> Case:
    return classification(mlp(16, 64, 4), optimizer=torch.optim.SGD(mlp(16, 64, 4).parameters(), lr=0.1))


def _partial() -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=torch.optim.SGD(net[-1].parameters(), lr=0.1))


def _groups() -> Case:
    net = mlp(16, 64, 4)
    groups = [{"params": net[0].parameters()}, {"params": net[2].parameters(), "lr": 0.01}]
    return classification(net, optimizer=torch.optim.SGD(groups, lr=0.1))
