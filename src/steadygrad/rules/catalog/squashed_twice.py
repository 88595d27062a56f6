"""L113: a softmax or sigmoid of probabilities, and sigmoids without a "no" in the loss."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.logarithms import Logarithm, logarithms
from steadygrad.rules.pairing import call_of, loss_ancestry, maker
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp

SIGMOIDS = {"sigmoid", "hardsigmoid"}
SOFTMAXES = {"softmax", "softmin"}
AGAIN = SIGMOIDS | SOFTMAXES | {"log_softmax"}


class SquashedTwice(Rule):
    """Probabilities are turned into probabilities once more, or compete with nothing.

    σ of a number in [0, 1] lies in [0.5, 0.731]. Softmax of C such numbers gives the surest class at most
    e/(e + C − 1), so −ln p stays above ln(1 + (C − 1)/e): 1.46 for ten classes. The answer the targets ask for cannot be
    given, and gradients pass two derivatives, each at most 1/4. On the outputs this is an error; inside a network, where
    it may be a gate, a warning, and only for two of the same kind over the same axis (normalizing over one axis and
    then another is meant). cross_entropy of a softmax is L101's, a logits loss of a sigmoid L102's.

    −y ln σ(z), without the term (1 − y) ln(1 − σ(z)) of a binary and the Σ of a categorical loss, is least when every
    output is 1 whatever the target is: an error.

    Source: Humbatova et al. 2020, arXiv:1910.11015 (taxonomy of real faults: "redundant softmax"); Gneiting & Raftery
    2007, section 2 (a proper score is lowest at the truth).
    """

    code = "L113"
    slug = "squashed-twice"
    title = "probabilities squashed again"
    priority = 10
    explains = (
        "vanishing-gradient", "loss-at-start", "lr-too-low", "saturation", "no-gradient", "output-constant", "output-range", "unstable-log",
        "attenuating-activation", "loss-rewards-error", "blind-loss", "softmax-axis", "softmax-of-one",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Repeated squashing in execution order, then logarithms of sigmoids."""
        ancestry = loss_ancestry(evidence)
        ends = evidence.graph.feeds_weights
        for node in evidence.graph.nodes:
            if node.op not in AGAIN or not node.inputs:
                continue
            first = maker(evidence.graph, node.inputs[0])
            if first.op not in SIGMOIDS | SOFTMAXES or not _same_axis(first, node):
                continue
            if node.index in ancestry and node.index not in ends:
                yield self._twice(first, node, "error")
            elif (first.op in SIGMOIDS) == (node.op in SIGMOIDS) and node.index in ends:
                yield self._twice(first, node, "warning")
        for logarithm in logarithms(evidence):
            lonely = logarithm.in_loss and logarithm.moved and not logarithm.normalized and _alone(evidence, logarithm, ancestry)
            if logarithm.head.op in SIGMOIDS and lonely:
                yield self._without_no(logarithm)

    def _twice(self, first: Node, node: Node, severity: Severity) -> Finding:
        size = node.options.get("size")
        if node.op in SIGMOIDS:
            numbers, says = {"lowest": 0.5, "highest": 1.0 / (1.0 + math.exp(-1.0))}, "every result lies between 0.50 and 0.73"
        elif isinstance(size, int) and size > 1:
            top = math.e / (math.e + size - 1)
            numbers, says = {"highest": top, "floor": -math.log(top)}, f"of {size} the surest gets at most {top:.2f}, and a loss of −ln p stays above {-math.log(top):.2f}"
        else:
            numbers, says = {}, "the result can never be sure"
        return self.finding(
            severity,
            node.where,
            f"{node.op} is applied to what {first.op} already made a probability: {says}.",
            evidence={"first": first.op, "second": node.op, "first_where": first.where, **numbers},
            advice=f"Remove the {first.op} in front; one squashing at the very end is enough.",
            snippet=f"{call_of(first.where)} = torch.nn.Identity()" if first.where not in ("", "loss") else f"torch.{node.op}(logits, -1)" if node.op not in SIGMOIDS else "torch.sigmoid(logits)",
            node=node.index,
        )

    def _without_no(self, logarithm: Logarithm) -> Finding:
        head = logarithm.head
        return self.finding(
            "error",
            head.where or "loss",
            f"The loss is −ln of a {head.op} and has no term for the other answer: it is least when every output is 1, whatever the targets are.",
            evidence={"head": head.op},
            advice="One class of several: cross_entropy on raw scores. Yes or no for each: binary_cross_entropy_with_logits on raw scores.",
            snippet="loss = torch.nn.functional.cross_entropy(logits, targets)",
            node=head.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Each pair on the outputs, one inside a network, and a categorical loss of sigmoids."""
        yield Specimen("softmax after softmax", lambda: _with([nn.Softmax(1), nn.Softmax(1)], _likelihood), where="4")
        yield Specimen("log_softmax of a softmax", lambda: _with([nn.Softmax(1), nn.LogSoftmax(1)], nn.functional.nll_loss), where="4")
        yield Specimen("softmax again in the loss", lambda: _with([nn.Softmax(1)], lambda p, y: _likelihood(p.softmax(1), y)), where="loss")
        yield Specimen("sigmoid after sigmoid", lambda: _binary([nn.Sigmoid(), nn.Sigmoid()]), where="4")
        yield Specimen("softmax of sigmoids", lambda: _with([nn.Sigmoid(), nn.Softmax(1)], _likelihood), where="4")
        yield Specimen("a gate squashed twice", lambda: classification(_Gated(True)), where="")
        yield Specimen("categorical loss of sigmoids", lambda: _with([nn.Sigmoid()], _likelihood), where="3")
        yield Specimen("one-hot targets times log of sigmoids", lambda: _with([nn.Sigmoid()], _one_hot), where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """One squashing; a scaled second one; two axes in turn; both terms of a binary loss; shares of sigmoids."""
        yield Specimen("softmax once", lambda: _with([nn.Softmax(1)], _likelihood))
        yield Specimen("a gate squashed once", lambda: classification(_Gated(False)))
        yield Specimen("log_softmax once", lambda: _with([nn.LogSoftmax(1)], nn.functional.nll_loss))
        yield Specimen("sigmoid with both terms", lambda: _with([nn.Sigmoid()], _both))
        yield Specimen("sigmoid, p or 1 − p by target", lambda: _with([nn.Sigmoid()], _chosen))
        yield Specimen("sigmoids divided by their sum", lambda: _with([nn.Sigmoid()], lambda p, y: _likelihood(p / p.sum(1, keepdim=True), y)))
        yield Specimen("sigmoid into binary_cross_entropy", lambda: _binary([nn.Sigmoid()]))


def _same_axis(first: Node, second: Node) -> bool:
    """Whether two softmaxes run over the same axis, as far as their sizes tell; anything goes with a sigmoid."""
    if first.op in SIGMOIDS or second.op in SIGMOIDS or not first.outputs or not second.outputs:
        return True
    axes = [(len(n.outputs[0].shape) - n.options["dim"] % len(n.outputs[0].shape)) for n in (first, second) if isinstance(n.options.get("dim"), int)]
    return first.options.get("size") == second.options.get("size") and len(set(axes)) == 1


def _alone(evidence: Evidence, logarithm: Logarithm, ancestry: set[int]) -> bool:
    """Whether the loss reads the prediction through this logarithm alone, and not as 1 − p."""
    graph, current = evidence.graph, logarithm.head
    while current.index != logarithm.node.index:
        readers = [i for i in graph.consumers()[current.index] if i in ancestry]
        if len(readers) != 1 or current.op in ("sub", "rsub", "neg", "negative"):
            return False
        current = graph.nodes[readers[0]]
    return True


class _Gated(nn.Module):
    def __init__(self, twice: bool) -> None:
        super().__init__()
        self.first, self.gate, self.last, self.twice = mlp(16, 64), mlp(16, 64), mlp(64, 4), twice

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = self.gate(x).sigmoid()
        return self.last(torch.relu(self.first(x)) * 2.0 * (gate.sigmoid() if self.twice else gate))


def _with(last: list[nn.Module], loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = classification(nn.Sequential(*mlp(16, 32, 4), *last))
    return Case(case.model, case.inputs, case.targets, loss_fn)


def _binary(last: list[nn.Module]) -> Case:
    return Case(nn.Sequential(*mlp(16, 32, 1), *last), batch(64, 16), (batch(64, 1, seed=2) > 0).float(), nn.functional.binary_cross_entropy)


def _likelihood(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -p.clamp_min(1e-7).gather(1, y[:, None]).log().mean()


def _one_hot(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -(nn.functional.one_hot(y, 4) * torch.log(p + 1e-7)).sum(1).mean()


def _both(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    t = nn.functional.one_hot(y, 4).float()
    return -(t * torch.log(p + 1e-7) + (1 - t) * torch.log(1 - p + 1e-7)).mean()


def _chosen(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    t = nn.functional.one_hot(y, 4) > 0
    return -torch.where(t, p, 1 - p).clamp_min(1e-7).log().mean()
