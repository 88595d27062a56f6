"""B103: batch normalization that uses running statistics nobody ever estimated."""

from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.running_statistics import untouched
from steadygrad.rules.specimens import classification, mlp


class NormInEval(Rule):
    """A batch normalization in eval mode, while the model trains, whose running statistics are still mean 0, variance 1.

    y = γ (x − 0)/√(1 + ε) + β: the layer normalizes nothing, and in eval mode its statistics never move, so it never
    will. A layer frozen on purpose has the statistics of the data it was trained on, and is not reported.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 2.
    """

    code = "B103"
    slug = "norm-in-eval"
    title = "batch norm in eval mode with statistics of no data"
    priority = 70
    explains = (
        "signal-drift", "correlation-collapse", "vanishing-gradient", "exploding-gradient", "loss-at-start", "saturation",
        "train-eval-gap", "layer-out-of-line",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding, at the first such layer."""
        if evidence.conditions.mode != "train":
            return
        found = [n for n in evidence.graph.nodes if n.op == "batch_norm" and n.options.get("training") is False and self._idle(evidence, n)]
        if found:
            yield self._finding(evidence, found)

    def _idle(self, evidence: Evidence, node: Node) -> bool:
        return evidence.modules.get(node.where, {}).get("training") is False and untouched(evidence, node.where)

    def _finding(self, evidence: Evidence, found: list[Node]) -> Finding:
        node, places = found[0], list(dict.fromkeys(n.where for n in found))
        total = len({n.where for n in evidence.graph.nodes if n.op == "batch_norm"})
        return self.finding(
            "warning",
            node.where,
            f"{len(places)} of {total} batch norms are in eval mode with running mean 0 and variance 1, `{node.where}` first: they normalize nothing.",
            evidence={"modules": places[:50], "count": len(places), "batch_norms": total},
            advice="Call model.train() before training, after every evaluation; freeze batch norms only after loading trained statistics.",
            snippet="model.train()",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A fresh batch norm left in eval mode inside a model that trains."""
        yield Specimen("fresh batch norm in eval mode", lambda: frozen(trained=False), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Frozen after its statistics were estimated."""
        yield Specimen("batch norm frozen with the statistics of data", lambda: frozen(trained=True))


def frozen(*, trained: bool) -> Case:
    """A small classifier whose batch norm is in eval mode, with or without statistics of its data."""
    net = mlp(16, 32, 4)
    norm = nn.BatchNorm1d(32, momentum=1.0)
    case = classification(nn.Sequential(net[0], norm, *net[1:]))
    if trained:
        norm(net[0](case.inputs).detach())
    norm.momentum = 0.1
    norm.eval()
    return case
