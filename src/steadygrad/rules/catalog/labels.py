"""D106: targets the loss is not defined for."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence, TensorFacts
from steadygrad.probes.experiments.batch_probe import BatchTensor
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import Pairing, pairings
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp

BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}
CLASSES = {"cross_entropy", "nll_loss"}


class Labels(Rule):
    """The targets are outside the range for which the loss has a minimum, or ask for nothing.

    - Binary cross-entropy with y outside [0, 1]: −y·log σ(z) − (1 − y)·log(1 − σ(z)) falls without bound as z → ±∞
      (slope σ(z) − y never reaches zero), so weights grow for ever. Written by hand it is known by what it does: on
      answers ten times nearer to 0 and 1 than before it falls by as much again, as a logarithm does.
    - Binary targets of two values, 0 and one below ½: every answer may stay "no"; a warning.
    - Soft class targets that are negative or do not sum to 1: the same for some classes; a sum s scales the loss by s.
    - Every target equal to `ignore_index`: the mean over nothing is 0/0 = NaN.
    - Class numbers outside [0, C): no such class.
    - One class for every sample: the best answer is a constant. Of C equally likely classes n samples are of one with
      probability C^(1−n); a warning, because classes need not be equally likely.

    Source: definitions of torch.nn.CrossEntropyLoss and BCEWithLogitsLoss; Goodfellow et al. 2016, 6.2.2.
    """

    code = "D106"
    slug = "labels"
    title = "targets the loss is not defined for"
    priority = 6
    needs_data = True
    explains = ("loss-at-start", "nonfinite-forward", "nonfinite-backward", "exploding-gradient", "lr-too-high", "loss-rewards-error", "blind-loss", "no-gradient", "constant-target")
    thresholds = {
        "samples": Threshold(16, "of three equally likely classes all 16 samples are of one once in 3¹⁵ = 14 million"),
        "falls": Threshold(0.5, "of two tenfold approaches to the bound the second must bring at least half of what the first did: a logarithm brings as much, a square a tenth"),
        "row_sum": Threshold(0.05, "how far rows of soft targets may sum from 1 (half precision rounds 1e-3 per class)"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each loss op once."""
        probed: Mapping[str, BatchTensor] = evidence.experiments.get("batch", {})
        for pairing in pairings(evidence):
            if pairing.target is None or pairing.target.minimum is None or pairing.target.reading.moments.nonfinite:
                continue
            seen = probed.get(pairing.target.name, BatchTensor())
            if pairing.op in BINARY:
                yield from self._binary(pairing, pairing.target, seen)
            elif pairing.op in CLASSES and not pairing.target.dtype.startswith(("float", "bfloat")):
                if not _one_column(pairing, pairing.target):
                    yield from self._classes(evidence, pairing, pairing.target, seen)
            elif pairing.op == "cross_entropy":
                yield from self._soft(pairing, pairing.target, seen)
        yield from self._bottomless(evidence)
        for facts in evidence.targets:
            classes = _classes_told_apart(evidence, facts)
            if classes is not None:
                yield from self._one_class(facts, classes, probed.get(facts.name, BatchTensor()))
                if evidence.conditions.failure:
                    yield from self._beyond(facts, classes)

    def _binary(self, pairing: Pairing, facts: TensorFacts, seen: BatchTensor) -> Iterator[Finding]:
        low, high = facts.minimum or 0.0, facts.maximum or 0.0
        if _made_elsewhere(pairing):
            return
        if low < 0.0 or high > 1.0:
            yield self._say(
                "error",
                f"Targets of {pairing.op} run from {low:g} to {high:g}; outside [0, 1] this loss has no minimum and falls for ever.",
                {"minimum": low, "maximum": high, "loss": pairing.op},
                "Map the labels to 0 and 1 (−1/+1 becomes (y + 1)/2, 0/255 becomes y/255).",
                f"targets = (targets - {low:g}) / {high - low:g}" if high > low else "",
            )
        elif low == 0.0 and 0.0 < high < 0.5 and seen.quantiles and set(seen.quantiles) <= {low, high}:
            yield self._say(
                "warning",
                f"Targets of {pairing.op} are 0 or {high:.3g}, nothing between: no sample asks for a probability above one half.",
                {"minimum": low, "maximum": high, "loss": pairing.op},
                "Labels that were scaled together with the inputs look like this; yes is 1.",
                f"targets = targets / {high:.3g}",
            )

    def _bottomless(self, evidence: Evidence) -> Iterator[Finding]:
        """Probabilities, targets beyond 0 … 1, and a loss written by hand that falls without end towards them."""
        probe = evidence.experiments.get("loss")
        if not isinstance(probe, LossProbe) or probe.near_bounds is None or any(node.op in BINARY for node in evidence.graph.nodes):
            return
        far, near, nearest = probe.near_bounds
        size = max(abs(value) for value in probe.near_bounds)
        if near - nearest <= max(self.threshold("falls") * (far - near), 1e-3 * size):
            return
        low, high = min(f.minimum or 0.0 for f in evidence.targets), max(f.maximum or 0.0 for f in evidence.targets)
        yield self._say(
            "error",
            f"The outputs are probabilities, the targets run from {low:g} to {high:g}, and the loss falls without end as the outputs near 0 or 1"
            f" ({far:.4g} at a distance of 0.1, {near:.4g} at 0.01, {nearest:.4g} at 0.001).",
            {"minimum": low, "maximum": high, "near_bounds": probe.near_bounds},
            "Class numbers need an output per class and cross_entropy; scaled labels belong back to 0 … 1.",
            f"targets = (targets - {low:g}) / {high - low:g}",
        )

    def _classes(self, evidence: Evidence, pairing: Pairing, facts: TensorFacts, seen: BatchTensor) -> Iterator[Finding]:
        ignore = int(pairing.node.options.get("ignore_index", -100))
        used = {label: n for label, n in seen.classes.items() if label != ignore}
        if seen.classes and not used:
            yield self._say(
                "error",
                f"Every target is {ignore}, the index the loss leaves out: nothing is left to average and the loss is {evidence.loss.value if evidence.loss else None}.",
                {"ignore_index": ignore, "targets": sum(seen.classes.values())},
                "Look at how labels are masked; skip such batches.",
                "keep = (targets != loss_fn.ignore_index).flatten(1).any(1)",
            )

    def _soft(self, pairing: Pairing, facts: TensorFacts, seen: BatchTensor) -> Iterator[Finding]:
        if _made_elsewhere(pairing) or seen.row_sum is None or pairing.predicted[1:2] == (1,):
            return
        off = max(abs(seen.row_sum[0] - 1.0), abs(seen.row_sum[1] - 1.0))
        if (facts.minimum or 0.0) < 0.0:
            what, severity = f"go down to {facts.minimum:g}: a negative probability rewards the loss for growing without bound", "error"
        elif off > self.threshold("row_sum"):
            what, severity = f"sum to {seen.row_sum[0]:.3g} … {seen.row_sum[1]:.3g} per sample instead of 1", "warning"
        else:
            return
        yield self._say(
            severity,
            f"Class probabilities in the targets {what}.",
            {"minimum": facts.minimum, "row_sum": seen.row_sum},
            "Targets of cross_entropy shaped like the outputs are probabilities of classes (axis 1).",
            "targets = targets / targets.sum(1, keepdim=True)",
        )

    def _one_class(self, facts: TensorFacts, classes: int, seen: BatchTensor) -> Iterator[Finding]:
        if len(seen.classes) != 1 or len(facts.shape) != 1 or facts.shape[0] < self.threshold("samples") or min(seen.classes) < 0:
            return
        label, count = next(iter(seen.classes)), facts.shape[0]
        yield self._say(
            "warning",  # one class in a hundred is rare, and a batch without it is no fault
            f"All {count} samples of the batch are of class {label}, of {classes} the model tells apart: there is nothing to learn but a constant.",
            {"label": label, "samples": count, "classes": classes},
            "Look at how labels are made (scaled with the pixels, truncated, one column off) and whether the data is shuffled.",
            "print(targets.unique(return_counts=True))",
        )

    def _beyond(self, facts: TensorFacts, classes: int) -> Iterator[Finding]:
        """The loss raised: say whether a class number was the reason."""
        low, high = facts.minimum or 0.0, facts.maximum or 0.0
        if low >= 0 and high < classes:
            return
        off = ": the classes seem to be counted from 1" if low == 1 and high == classes else ""
        yield self._say(
            "error",
            f"`{facts.name}` holds class {high if high >= classes else low:g}, but the model answers {classes} classes, 0 … {classes - 1}{off}.",
            {"minimum": low, "maximum": high, "classes": classes},
            "Count classes from 0, or give the last layer as many outputs as there are classes.",
            "targets = targets - 1" if off else f"nn.Linear(…, {int(high) + 1})",
        )

    def _say(self, severity: Any, message: str, numbers: dict[str, Any], advice: str, snippet: str) -> Finding:
        return self.finding(severity, "targets", message, evidence=numbers, advice=advice, snippet=snippet)

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Masks of 0/255; labels of ±1; everything ignored; one class; negative soft labels."""
        yield Specimen("mask of 0 and 255 under BCE", lambda: _binary(255.0 * (batch(64, 1, seed=2) > 0)), where="targets")
        yield Specimen("labels of −1 and +1 under BCE", lambda: _binary(batch(64, 1, seed=2).sign()), where="targets")
        yield Specimen("0 and 1 divided by 255 under BCE", lambda: _binary((batch(64, 1, seed=2) > 0) / 255.0), where="targets")
        yield Specimen("every label ignored", lambda: _labels(torch.full((64,), -100)), where="targets")
        yield Specimen("labels divided by 255 and truncated", lambda: _labels((torch.arange(64) % 4 / 255).long()), where="targets")
        yield Specimen("class numbers under a hand-written binary cross-entropy", lambda: _by_hand(_digits()), where="targets")
        yield Specimen("soft labels below zero", lambda: _labels(batch(64, 4, seed=2)), where="targets")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Class numbers, one-hot rows, smoothed binary labels, a few ignored ones; labels that share a tensor with numbers."""
        yield Specimen("class numbers", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("one-hot rows", lambda: _labels(nn.functional.one_hot(torch.arange(64) % 4, 4).float()))
        yield Specimen("smoothed binary labels, cross-entropy by hand", lambda: _by_hand(0.1 + 0.8 * (batch(64, 1, seed=2) > 0).float()))
        yield Specimen("smoothed binary labels", lambda: _binary(0.1 + 0.8 * (batch(64, 1, seed=2) > 0).float()))
        yield Specimen("one-hot rows beside a number in one tensor", lambda: _beside(nn.functional.one_hot(torch.arange(64) % 4, 4).float(), nn.functional.cross_entropy, 4))
        yield Specimen("a yes or no beside a number", lambda: _beside((batch(64, 1, seed=2) > 0).float(), nn.functional.binary_cross_entropy_with_logits, 1))
        yield Specimen("half of the labels ignored", lambda: _labels(torch.where(torch.arange(64) % 2 == 0, torch.arange(64) % 4, -100)))


def _classes_told_apart(evidence: Evidence, facts: TensorFacts) -> int | None:
    """How many classes (axis 1) the model answers, when integer targets lack just that axis; None when they do not fit."""
    if not facts.shape or facts.dtype.startswith(("float", "bfloat", "bool", "complex")):
        return None
    shapes = [s.shape for i in evidence.graph.outputs for s in evidence.graph.nodes[i].outputs]
    fits = [s[1] for s in shapes if len(s) == len(facts.shape) + 1 and s[0] == facts.shape[0] and s[2:] == facts.shape[1:] and s[1] > 1]
    return max(fits, default=None)


def _made_elsewhere(pairing: Pairing) -> bool:
    """Whether the loss saw other numbers than the batch holds: targets that were one-hot coded, rescaled, or cut on the way."""
    return not (pairing.as_given and pairing.whole)


def _one_column(pairing: Pairing, facts: TensorFacts) -> bool:
    """Whether the loss saw one number of each sample's several: other columns hold something else."""
    return tuple(pairing.expected) == tuple(facts.shape[:1]) and math.prod(facts.shape[1:]) > 1


def _beside(labels: torch.Tensor, loss: Callable[..., torch.Tensor], width: int) -> Case:
    """Labels and, as the last column, a number to regress on."""
    targets = torch.cat([labels, 3.0 * batch(64, 1, seed=3)], 1)
    both = lambda z, y: loss(z[:, :width], y[:, :width]) + nn.functional.mse_loss(z[:, width], y[:, width])  # noqa: E731
    return Case(mlp(16, 32, width + 1), batch(64, 16), targets, both)


def _binary(targets: torch.Tensor) -> Case:
    return Case(mlp(16, 32, 1), batch(64, 16), targets, nn.functional.binary_cross_entropy_with_logits)


def _digits() -> torch.Tensor:
    return (torch.arange(64) % 10).float()[:, None]


def _by_hand(targets: torch.Tensor) -> Case:
    def loss_fn(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        p = p.clamp(1e-7, 1 - 1e-7)
        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    return Case(nn.Sequential(*mlp(16, 32, 1), nn.Sigmoid()), batch(64, 16), targets, loss_fn)


def _labels(targets: torch.Tensor) -> Case:
    return Case(mlp(16, 32, 4), batch(64, 16), targets, nn.functional.cross_entropy)
