"""N102: the forward pass makes a number that is none."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.nonfinite_origins import harmful, operands, origin
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import Apply, classification, mlp, regression


class NonfiniteForward(Rule):
    """The first op whose result is infinite or NaN, and why, from what it read.

    Infinity from finite numbers is overflow (float32 ends at 3.4e38, fp16 at 65504), a division by zero or log 0. NaN
    from finite numbers is 0/0, or the logarithm or root of a negative number; from infinities it is ∞ − ∞ or 0 · ∞.
    The loss becomes NaN, with it every gradient, and one step makes every weight NaN.

    Infinities written by a mask are deliberate and not reported. Where loss, outputs and gradients are finite all the
    same (selected away with `where`, cleaned with `nan_to_num`), it is a note.

    Source: IEEE 754-2019, sections 6 and 7; Goldberg 1991, "What every computer scientist should know about
    floating-point arithmetic".
    """

    code = "N102"
    slug = "nonfinite-forward"
    title = "the forward pass is not finite"
    priority = 80
    explains = ("nonfinite-backward", "exploding-gradient", "vanishing-gradient", "output-constant", "loss-at-start", "lr-too-high", "no-gradient")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding: the first."""
        index = evidence.first_nonfinite
        loss = evidence.loss.value if evidence.loss is not None else None
        if index is None and (loss is None or math.isfinite(loss)):
            return
        if index is None:
            index = evidence.graph.loss if evidence.graph.loss is not None else len(evidence.graph.nodes) - 1
        node, harm = evidence.graph.nodes[index], harmful(evidence)
        if harm or not _passed_on(evidence, node):
            yield self._finding(evidence, node, harm)

    def _finding(self, evidence: Evidence, node: Node, harm: bool) -> Finding:
        why = origin(evidence, node).why
        reading = evidence.signals.get(node.index)
        nan, infinite, count = 0, 0, 0
        if reading is not None:
            nan, infinite, count = reading.moments.nan, reading.moments.posinf + reading.moments.neginf, reading.moments.count
        kinds = [f"{n:,} {what}" for n, what in ((nan, "NaN"), (infinite, "infinite")) if n]
        made = f"{' and '.join(kinds)} of {count:,} values" if kinds else "a loss that is not finite"
        return self.finding(
            "error" if harm else "note",
            node.where,
            f"{node.op} is the first op that makes {made}: {why}" + ("." if harm else "; loss and gradients are finite all the same."),
            evidence={"op": node.op, "nan": nan, "infinite": infinite, "count": count, "why": why, "harmful": harm},
            advice="Keep the operand inside the domain (clamp, add an ε under the root or in the divisor, log_softmax), or the scale below overflow.",
            snippet="x = x.clamp_min(1e-6)  # before log, sqrt or division",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Overflow of an exponential, the root of a negative number, 0/0."""
        yield Specimen("exp of scores in the hundreds", lambda: through(lambda x: (300.0 * x).exp()), where="1")
        yield Specimen("root of negative numbers", lambda: through(torch.sqrt), where="1")
        yield Specimen("zero divided by zero", lambda: through(lambda x: x.relu() / x.relu().abs()), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """NaN that are selected away with their gradients; a mask of −∞."""
        yield Specimen("NaN replaced before anything reads them", lambda: through(lambda x: x.detach().sqrt().nan_to_num(0.0) + x))
        yield Specimen("scores masked with −∞", lambda: regression(_Masked()))


def _passed_on(evidence: Evidence, node: Node) -> bool:
    """Whether `node` only hands on infinities that came with the batch, as a mask among the inputs does."""
    reading = evidence.signals.get(node.index)
    return reading is not None and not reading.moments.nan and any(m.nonfinite for m in operands(evidence, node))


def through(function: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    """A small classifier with `function` where its activation would be."""
    return classification(mlp(16, 32, 4, activation=lambda: Apply(function)))


class _Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scores, self.head = mlp(16, 32)[0], mlp(32, 1)[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.scores(x)
        return self.head(scores.masked_fill(torch.arange(32) > 20, -math.inf).softmax(-1) * scores)
