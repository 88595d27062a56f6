"""A109: dropout that leaves more noise than signal."""

from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class DropoutNoise(Rule):
    """Dropout takes away nearly everything, or takes away answers.

    A value x becomes x·m/(1 − p) with m = 1 at probability 1 − p: its mean is kept and noise of variance x²·p/(1 − p)
    added – as much as the signal at p = ½, nine times as much at 0.9. At p = 1 nothing passes, forward or backward: an
    error. On the model's answers dropout sets scores to 0 at random, which the loss then punishes: a warning, as is
    p ≥ 0.9. Only dropout that was at work while measuring counts, and only with a loss are outputs answers.

    Source: Srivastava et al. 2014, JMLR 15, section 10 (multiplicative noise of variance p/(1 − p)).
    """

    code = "A109"
    slug = "dropout-noise"
    title = "dropout that leaves more noise than signal"
    priority = 26
    explains = ("no-gradient", "output-constant", "dead-units", "correlation-collapse", "vanishing-gradient", "loss-at-start", "train-eval-gap", "signal-drift")
    thresholds = {"p": Threshold(0.9, "p/(1 − p) = 9: the noise has nine times the power of the signal")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Dropouts in execution order."""
        bare = evidence.conditions.cotangent  # without a loss outputs may be features that other layers read
        answers = set() if bare else {_behind_views(evidence, i) for i in evidence.graph.outputs}
        for node in evidence.graph.nodes:
            if node.kind != "dropout" or node.where == "loss" or not node.options.get("training", True):
                continue
            p = node.options.get("p")
            p = float(p) if isinstance(p, int | float) else 0.0
            if p >= self.threshold("p"):
                yield self._strong(node, p)
            elif p > 0.0 and node.index in answers:
                yield self._on_answers(node, p)

    def _strong(self, node: Node, p: float) -> Finding:
        says = "Dropout with p = 1 lets nothing pass" if p >= 1.0 else f"Dropout with p = {p:g} keeps {1.0 - p:.0%} and adds noise of {p / (1.0 - p):.3g} times the signal's power"
        return self.finding(
            "error" if p >= 1.0 else "warning",
            node.where,
            f"{says}.",
            evidence={"p": p, "noise": p / (1.0 - p) if p < 1.0 else float("inf")},
            advice="p is the share that is dropped: 0.1 to 0.5 are usual. Where 0.9 was meant to be kept, write p=0.1.",
            node=node.index,
        )

    def _on_answers(self, node: Node, p: float) -> Finding:
        return self.finding(
            "warning",
            node.where,
            f"Dropout with p = {p:g} works on the model's outputs: {p:.0%} of the scores become 0 whatever was learned.",
            evidence={"p": p},
            advice="Put dropout before the last layer.",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Keep and drop mixed up, everything dropped, answers dropped."""
        yield Specimen("p = 0.95", lambda: _with(2, nn.Dropout(0.95)), where="2")
        yield Specimen("p = 1", lambda: _with(2, nn.Dropout(1.0)), where="2")
        yield Specimen("dropout behind the last layer", lambda: _with(3, nn.Dropout(0.5)), where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """p = ½ before the last layer; features behind dropout; a strong one that is switched off."""
        yield Specimen("p = ½", lambda: _with(2, nn.Dropout(0.5)))
        yield Specimen("an encoder that ends in dropout, without a loss", lambda: Case(nn.Sequential(*mlp(16, 32, 8), nn.Dropout(0.1)), batch(64, 16)))
        yield Specimen("p = 0.95 in eval mode", lambda: _with(2, nn.Dropout(0.95)), settings={"mode": "eval"})


def _behind_views(evidence: Evidence, index: int) -> int:
    node = evidence.graph.nodes[index]
    while node.kind in ("view", "cast") and node.inputs:
        node = evidence.graph.nodes[node.inputs[0]]
    return node.index


def _with(place: int, layer: nn.Module) -> Case:
    net = mlp(16, 32, 4)
    net.insert(place, layer)
    return classification(net)
