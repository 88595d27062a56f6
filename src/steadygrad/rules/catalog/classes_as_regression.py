"""L109: classes learnt as if they were amounts."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import REGRESSION, Pairing, call_of, pairings
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class ClassesAsRegression(Rule):
    """Class numbers are fitted with a squared error, or probabilities with one.

    - One output against class numbers 0 … C − 1: the loss says class 3 is three times as far from 0 as class 1, and the
      answer between two classes is a third one. A warning for integer targets (ordered grades may be meant so).
    - C outputs, each against the class number: broadcasting repeats it, the best answer is the same number in every score, and
      their order says nothing. An error.
    - Softmax or sigmoid under squared error against one-hot targets: the gradient carries the factor p(1 − p), which is 0
      where the network is surely wrong; cross-entropy divides it away. It trains, but stays where it starts wrong.

    Source: Goodfellow et al. 2016, 6.2.2.2; Golik, Doetsch & Ney 2013 (cross-entropy against squared error).
    """

    code = "L109"
    slug = "classes-as-regression"
    title = "classes fitted with a squared error"
    priority = 14
    needs_data = True
    explains = ("vanishing-gradient", "saturation", "loss-at-start", "attenuating-activation", "output-range", "lr-too-low", "target-scale", "head-activation")
    thresholds = {
        "classes": Threshold(3, "two classes as 0 and 1 keep their order"),
        "most": Threshold(1000, "more distinct whole numbers look like counts or measurements"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each regression loss once."""
        probed = evidence.experiments.get("batch", {})
        for pairing in pairings(evidence):
            facts = pairing.target
            if pairing.op not in REGRESSION or facts is None or facts.name not in probed:
                continue
            labels = sorted(probed[facts.name].classes)
            integer = not facts.dtype.startswith(("float", "bfloat"))
            if pairing.head.op == "softmax" and (pairing.head.options.get("size") or 0) > 1 and (integer or _one_hot(labels, probed[facts.name].row_sum)):
                yield self._probabilities(pairing)
            elif integer and pairing.as_given and _numbers(labels, self.threshold("classes"), self.threshold("most")) and _width(pairing) == 1:
                yield self._amounts(pairing, len(labels), facts.dtype)
            elif integer and 2 <= len(labels) <= _width(pairing) and 0 <= labels[0] <= labels[-1] < _width(pairing) and _wants_numbers(evidence):
                yield self._every_score(pairing, len(labels))

    def _probabilities(self, pairing: Pairing) -> Finding:
        return self.finding(
            "warning",
            pairing.head.where,
            f"Class probabilities from {pairing.head.op} are fitted with {_name(pairing)}: its gradient has a factor p(1 − p), which is zero"
            " where the network is surely wrong.",
            evidence={"head": pairing.head.op, "loss": pairing.op},
            advice="Use cross_entropy on the raw scores.",
            snippet="loss = torch.nn.functional.cross_entropy(logits, labels)",
            node=pairing.head.index,
        )

    def _amounts(self, pairing: Pairing, classes: int, dtype: str) -> Finding:
        return self.finding(
            "warning",
            "loss",
            f"{classes} class numbers ({dtype}) are fitted as amounts with {_name(pairing)} and one output: class 2 counts as twice class 1.",
            evidence={"classes": classes, "loss": pairing.op, "dtype": dtype},
            advice="For classes give the last layer one output per class and use cross_entropy; for counts or grades this may be what you want.",
            snippet=f"{call_of(pairing.head.where)} = torch.nn.Linear(in_features, {classes})\nloss = torch.nn.functional.cross_entropy(outputs, labels)",
        )

    def _every_score(self, pairing: Pairing, classes: int) -> Finding:
        width = _width(pairing)
        return self.finding(
            "error",
            "loss",
            f"Each of {width} scores is compared with the number of the class ({_name(pairing)}, outputs {pairing.predicted}): the best answer is"
            f" the class number in all {width} of them, and which is largest says nothing.",
            evidence={"outputs": width, "classes": classes, "loss": pairing.op},
            advice="Use cross_entropy on the scores, or one-hot targets.",
            snippet="loss = torch.nn.functional.cross_entropy(scores, labels)",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Four classes under mse with one output; softmax and one-hot under mse."""
        yield Specimen("four classes as amounts", _amounts, where="loss")
        yield Specimen("four scores against the class number", _scores, where="loss")
        yield Specimen("softmax under mse with one-hot targets", _softmax, where="3")
        yield Specimen("softmax in the loss, under mse", _softmax_in_loss, where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Cross-entropy; two classes as 0 and 1; real amounts."""
        yield Specimen("cross-entropy", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("two classes as 0 and 1", _two)


def _name(pairing: Pairing) -> str:
    return "a difference by hand" if pairing.op == "difference" else pairing.op


def _width(pairing: Pairing) -> int:
    """Outputs per target."""
    return pairing.predicted[-1] if len(pairing.predicted) > 1 else 1


def _wants_numbers(evidence: Evidence) -> bool:
    """Whether the loss is lowest, at nothing, where every score of a sample is the number of its class."""
    probe = evidence.experiments.get("loss")
    if not isinstance(probe, LossProbe) or probe.numbered is None or probe.right is None or probe.value is None:
        return False
    return abs(probe.numbered) <= 1e-6 * abs(probe.value) and probe.numbered < probe.right


def _numbers(labels: list[int], least: float, most: float) -> bool:
    """Whether these are class numbers: few, from 0 or 1 on, most of them present."""
    return least <= len(labels) <= most and labels[0] in (0, 1) and labels[-1] - labels[0] < 2 * len(labels)


def _one_hot(labels: list[int], row_sum: tuple[float, float] | None) -> bool:
    return labels == [0, 1] and row_sum == (1.0, 1.0)


def _amounts() -> Case:
    case = classification(mlp(16, 32, 1))
    return Case(case.model, case.inputs, case.targets, lambda p, y: nn.functional.mse_loss(p.squeeze(1), y.float()))


def _scores() -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: (z - y[:, None]).square().mean())


def _softmax() -> Case:
    case = classification(nn.Sequential(*mlp(16, 32, 4), nn.Softmax(1)))
    return Case(case.model, case.inputs, nn.functional.one_hot(case.targets, 4).float(), nn.functional.mse_loss)


def _softmax_in_loss() -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: nn.functional.mse_loss(z.softmax(1), nn.functional.one_hot(y, 4).float()))


def _two() -> Case:
    targets = torch.arange(64) % 2
    return Case(mlp(16, 32, 1), batch(64, 16), targets, lambda p, y: nn.functional.mse_loss(p.squeeze(1), y.float()))
