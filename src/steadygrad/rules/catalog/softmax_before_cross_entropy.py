"""L101: cross-entropy, which applies log-softmax itself, is given bounded outputs."""

import math
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import Pairing, call_of, maker, output_range, pairings
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp

PROBABILITIES = {"softmax", "softmin", "sigmoid", "hardsigmoid"}
BOUNDED = PROBABILITIES | {"tanh", "softsign", "erf", "hardtanh", "clamp", "normalize", "cosine_similarity"}


class SoftmaxBeforeCrossEntropy(Rule):
    """`cross_entropy` is given probabilities; it applies log-softmax itself.

    Softmax of numbers in [0, 1] is never sure: the best answer, 1 for the right class and 0 for the C − 1 others, still
    costs  ln(1 + (C − 1)/e), 1.46 for ten classes, against 0 for logits. The gradient has to pass the inner softmax's
    p(1 − p) as well, which is 1/C at the start and goes to zero as the network becomes sure, rightly or wrongly. Same
    for a sigmoid before it. The network seems to learn and stops early.

    Any interval a … b does that, with the floor ln(1 + (C − 1)·e^(a − b)): tanh leaves 0.80 for ten classes, a warning
    from a tenth of ln C on. Cosines between features and classes lie in −1 … 1 as well, and need a factor ("temperature") behind them.

    `log_softmax` before `cross_entropy` changes nothing, log-softmax of log-probabilities being themselves: a note.

    Source: torch.nn.CrossEntropyLoss ("input is expected to contain the unnormalized logits"); Humbatova et al. 2020,
    arXiv:1910.11015 (taxonomy of real faults: "redundant softmax").
    """

    code = "L101"
    slug = "softmax-before-cross-entropy"
    title = "softmax applied twice"
    priority = 10
    explains = (
        "vanishing-gradient", "loss-at-start", "lr-too-low", "saturation", "no-gradient", "output-constant", "output-range", "softmax-axis",
        "attenuating-activation",
    )  # fmt: skip
    thresholds = {"floor": Threshold(0.1, "of a bounded head that makes no probabilities: a tenth of the loss a fresh network starts from can never go away")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each cross-entropy once."""
        for pairing in pairings(evidence):
            if pairing.op != "cross_entropy" or len(pairing.predicted) < 1:
                continue
            classes = pairing.predicted[1] if len(pairing.predicted) > 1 else pairing.predicted[0]
            size = pairing.head.options.get("size")
            if size is not None and size != classes or classes < 2:
                continue
            if pairing.head.op in BOUNDED or _cosines(evidence, pairing.head):
                yield from self._bounded(pairing, classes)
            elif pairing.head.op == "log_softmax":
                yield self._idle(pairing)

    def _bounded(self, pairing: Pairing, classes: int) -> Iterator[Finding]:
        head, (low, high) = pairing.head, output_range(pairing.head) or (-1.0, 1.0)
        twice, floor = head.op in PROBABILITIES, math.log1p((classes - 1) * math.exp(low - high))
        if not twice and floor < self.threshold("floor") * math.log(classes):
            return
        module = call_of(head.where)
        if head.op not in BOUNDED:
            yield self._unscaled(head, classes, floor)
            return
        what = "which applies softmax again" if twice else f"as scores between {low:g} and {high:g}"
        yield self.finding(
            "error" if twice else "warning",
            head.where,
            f"The outputs go through {head.op} and then into cross_entropy, {what}: the loss cannot fall below {floor:.2f}"
            f" of the {math.log(classes):.2f} it starts from ({classes} classes), and gradients fade as answers become sure.",
            evidence={"head": head.op, "classes": classes, "floor": floor, "start": math.log(classes)},
            advice=f"Give cross_entropy the raw scores: remove the {head.op}, and apply softmax only where you need probabilities.",
            snippet=f"{module} = torch.nn.Identity()" if head.where not in ("", "loss") else "loss = torch.nn.functional.cross_entropy(logits, targets)",
            node=head.index,
        )

    def _unscaled(self, head: Node, classes: int, floor: float) -> Finding:
        return self.finding(
            "warning",
            head.where,
            f"cross_entropy gets cosines between unit vectors, scores between -1 and 1: the loss cannot fall below {floor:.2f} of the {math.log(classes):.2f}"
            f" it starts from ({classes} classes).",
            evidence={"head": head.op, "classes": classes, "floor": floor, "start": math.log(classes)},
            advice="Multiply the cosines by a factor, learned or of 10 to 30, before the loss.",
            snippet="loss = torch.nn.functional.cross_entropy(20.0 * cosines, targets)",
            node=head.index,
        )

    def _idle(self, pairing: Pairing) -> Finding:
        return self.finding(
            "note",
            pairing.head.where,
            "log_softmax before cross_entropy does nothing: the loss applies it again, and log_softmax of log-probabilities is themselves.",
            evidence={"head": "log_softmax"},
            advice="Remove it, or use nll_loss; it only costs time.",
            node=pairing.head.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Softmax as last layer; softmax in the loss; sigmoid; softmax under a reshape; log-softmax."""
        yield Specimen("softmax as last layer", lambda: classification(nn.Sequential(*mlp(16, 32, 4), nn.Softmax(1))), where="3")
        yield Specimen("softmax inside the loss", _in_loss, where="loss")
        yield Specimen("sigmoid as last layer", lambda: classification(nn.Sequential(*mlp(16, 32, 4), nn.Sigmoid())), where="3")
        yield Specimen("tanh as last layer", lambda: classification(nn.Sequential(*mlp(16, 32, 4), nn.Tanh())), where="3")
        yield Specimen("features and classes of unit length", lambda: classification(_Cosines(1.0)), where="")
        yield Specimen("softmax, then a reshape", _reshaped, where="3")
        yield Specimen("log_softmax as last layer", lambda: classification(nn.Sequential(*mlp(16, 32, 4), nn.LogSoftmax(1))), where="3")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Raw scores; log-softmax with its own loss; softmax where it belongs, inside an attention pool."""
        yield Specimen("raw scores", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("cosines times 20", lambda: classification(_Cosines(20.0)))
        yield Specimen("scores clamped far out", lambda: classification(nn.Sequential(*mlp(16, 32, 4), nn.Hardtanh(-10.0, 10.0))))
        yield Specimen("log_softmax with nll_loss", _proper)
        yield Specimen("attention weights by softmax", lambda: classification(_Pool(), batch(64, 5, 16)))


def _cosines(evidence: Evidence, head: Node) -> bool:
    """Whether scores are products of unit vectors: of two signals, or of a signal and a weight that was computed, none of them above 1."""
    vectors = [maker(evidence.graph, i).op == "normalize" for i in head.inputs]
    if not vectors or not all(vectors):
        return False
    reading = evidence.signals.get(head.index)
    computed = head.kind == "affine" and all(use.derived for use in head.uses) and reading is not None and reading.moments.absmax <= 1.0 + 1e-4
    return computed or (head.kind == "contract" and len(vectors) == 2)


class _Cosines(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.classes, self.factor = mlp(16, 32), nn.Parameter(torch.randn(4, 32)), factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cosines = normalize(self.body(x), dim=1) @ normalize(self.classes, dim=1).T
        return cosines if self.factor == 1.0 else self.factor * cosines


class _Pool(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.score, self.head = mlp(16, 1), mlp(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.score(x).softmax(1) * x).sum(1))


def _in_loss() -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda out, y: cross_entropy(out.softmax(-1), y))


def _reshaped() -> Case:
    return classification(nn.Sequential(*mlp(16, 32, 4), nn.Softmax(1), nn.Unflatten(1, (4, 1)), nn.Flatten()))


def _proper() -> Case:
    case = classification(nn.Sequential(*mlp(16, 32, 4), nn.LogSoftmax(1)))
    return Case(case.model, case.inputs, case.targets, nn.functional.nll_loss)
