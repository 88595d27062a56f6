"""D107: the same answer for every sample."""

from collections.abc import Iterator

import torch

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import loss_ancestry
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class ConstantTarget(Rule):
    """Every sample of the batch has the same real-valued or one-hot target: a constant output is already the best answer.

    Typical: labels scaled together with the pixels and truncated to 0, a column picked wrongly, data sorted by class
    and not shuffled. With K classes of equal weight a batch of n has one label only with probability K^(1−n).

    Source: the definition of a loss: its minimum over constant outputs is its minimum.
    """

    code = "D107"
    slug = "constant-target"
    title = "the same target for every sample"
    priority = 8
    needs_data = True
    explains = ("loss-at-start", "output-constant", "classes-as-regression", "labels", "target-scale")
    thresholds = {"samples": Threshold(16, "with two equally likely classes a chance of 1 in 30,000")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding per target tensor."""
        probed = evidence.experiments.get("batch", {})
        if evidence.loss is not None and evidence.loss.op.startswith("binary_cross_entropy"):
            return  # a discriminator is asked about one kind at a time
        read = loss_ancestry(evidence)
        for facts in evidence.targets:
            seen = probed.get(facts.name)
            if not any(n.where == facts.name and n.index in read for n in evidence.graph.nodes if n.op == "target"):
                continue  # a loss that does not read it: scores of a critic, which are to rise or fall
            if seen is None or not seen.identical or facts.shape[0] < self.threshold("samples") or "int" in facts.dtype:
                continue  # class indices are judged by D106
            yield self.finding(
                "error",
                "targets",
                f"All {facts.shape[0]} targets in the batch are the same (`{facts.name}`, mean {facts.reading.moments.mean:.3g}): there is nothing to learn but a constant.",
                evidence={"samples": facts.shape[0], "value": facts.reading.moments.mean},
                advice="Look at how targets are made: divided with the pixels, truncated to integers, sorted and not shuffled?",
                snippet="print(targets.unique(return_counts=True))",
            )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Labels that were divided by 255 and truncated."""
        yield Specimen("labels divided by 255 and truncated", _truncated, where="targets")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Random labels; targets that a loss does not read."""
        yield Specimen("random labels", lambda: classification(mlp(16, 64, 4)))
        yield Specimen("a critic's scores", lambda: Case(mlp(16, 64, 1), batch(64, 16), torch.ones(64, 1), lambda z, _: -z.mean()))


def _truncated() -> Case:
    case = classification(mlp(16, 64, 10), batch(64, 16), classes=10)
    labels = (case.targets / 255).to(torch.int64)
    return Case(case.model, case.inputs, torch.nn.functional.one_hot(labels, 10).float(), torch.nn.functional.cross_entropy)
