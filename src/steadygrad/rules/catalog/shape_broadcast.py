"""L104: prediction and target differ in shape, and broadcasting pairs every prediction with every target."""

import math
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import HANDMADE, REGRESSION, Pairing, pairings
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, mlp, regression

ELEMENTWISE = REGRESSION | {"kl_div", "poisson_nll_loss", "soft_margin_loss", "product"}


class ShapeBroadcast(Rule):
    """Prediction and target have different shapes, and broadcasting makes something larger of them.

    (N, 1) against (N,) becomes (N, N): every prediction is compared with every target. The mean over all pairs of
    (pᵢ − tⱼ)² is  mean (pᵢ − t̄)² + Var t,  so the best answer for every sample is the mean target t̄: the loss cannot
    see which target belongs to which sample. Training "works" and ends at a constant.

    An error when the result has more entries than either side, except by hand where samples keep to themselves and both sides were
    given an axis of length 1 for it: (N, K, 1) − (N, 1, J) compares all pairs within a sample on purpose. A warning when a loss function repeats one side over an
    axis on which the other differs (by hand that is often meant: one target against each part of a mixture).

    Source: broadcasting semantics of torch; "using a target size different to the input size" is torch's own warning.
    """

    code = "L104"
    slug = "shape-broadcast"
    title = "prediction and target broadcast against each other"
    priority = 8
    explains = ("loss-rewards-error", "blind-loss", "loss-at-start", "output-constant", "lr-too-low", "lr-too-high", "vanishing-gradient", "exploding-gradient", "loss-sum", "classes-as-regression")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each elementwise loss once."""
        for pairing in pairings(evidence):
            if pairing.op in ELEMENTWISE and pairing.predicted and pairing.expected and pairing.predicted != pairing.expected:
                found = self._finding(evidence, pairing)
                if found is not None:
                    yield found

    def _finding(self, evidence: Evidence, pairing: Pairing) -> Finding | None:
        predicted, expected = pairing.predicted, pairing.expected
        try:
            result = tuple(torch.broadcast_shapes(predicted, expected))
        except RuntimeError:
            return None
        larger = math.prod(result) > max(math.prod(predicted), math.prod(expected))
        if not larger and (pairing.op in HANDMADE.values() or not _repeats_samples(evidence, pairing)):
            return None
        if larger and pairing.op in HANDMADE.values() and _pairs_within_samples(evidence, predicted, expected):
            return None
        if larger:
            what = f"compares all pairs, {result}: the best answer is the same mean target for every sample"
        else:
            what = "repeats one side to fit the other"
        same = math.prod(predicted) == math.prod(expected)
        return self.finding(
            "error" if larger else "warning",
            "loss",
            f"Predictions of shape {predicted} meet targets of shape {expected}, which {what}.",
            evidence={"predicted": predicted, "expected": expected, "result": result, "loss": pairing.op},
            advice="Give both the same shape before the loss.",
            snippet="loss = loss_fn(outputs, targets.view_as(outputs))" if same else "assert outputs.shape == targets.shape, (outputs.shape, targets.shape)",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """(N, 1) against (N,) under mse, L1, and by hand; four outputs against one target."""
        yield Specimen("(64, 1) against (64,) under mse_loss", lambda: _case(1, (64,), _quiet(nn.functional.mse_loss)), where="loss")
        yield Specimen("(64,) against (64, 1) under l1_loss", _flat, where="loss")
        yield Specimen("(64, 1) against (64,) by hand", lambda: _case(1, (64,), lambda p, t: (p - t).square().mean()), where="loss")
        yield Specimen("(64, 1) times (64,) by hand", lambda: _case(1, (64,), lambda p, t: (nn.functional.softplus(p) - p * t).mean()), where="loss")
        yield Specimen("four outputs for one target", lambda: _case(4, (64, 1), _quiet(nn.functional.mse_loss)), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Equal shapes; a vector of targets with a squeezed output; one target per output for all samples; all pairs of a sample's own."""
        yield Specimen("equal shapes", lambda: regression(mlp(16, 32, 1)))
        yield Specimen("squeezed output", lambda: _case(1, (64,), lambda p, t: nn.functional.mse_loss(p.squeeze(1), t)))
        yield Specimen("one target against four components, by hand", lambda: _case(4, (64, 1), lambda p, t: (p - t).square().min(1).values.mean()))
        yield Specimen("one constant per output, by hand", lambda: _case(4, (4,), lambda p, t: (p - t).square().mean()))
        yield Specimen("quantiles against draws, within a sample", lambda: _case(4, (64, 5), lambda p, t: (p[:, :, None] - t[:, None]).abs().mean()))


def _pairs_within_samples(evidence: Evidence, predicted: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether both sides have as many axes, the samples on the first, and each repeats the other along an axis of its own."""
    same = len(predicted) == len(expected) and predicted[0] == expected[0] == evidence.conditions.batch_size
    return same and any(p == 1 < e for p, e in zip(predicted, expected, strict=True)) and any(e == 1 < p for p, e in zip(predicted, expected, strict=True))


def _repeats_samples(evidence: Evidence, pairing: Pairing) -> bool:
    """Whether both sides count samples and one has a single entry where the other has many."""
    n = evidence.conditions.batch_size
    shapes = (pairing.predicted, pairing.expected)
    if n is None or n < 2 or any(not s or s[0] != n for s in shapes) or len(shapes[0]) != len(shapes[1]):
        return False
    return any(1 in pair and max(pair) > 1 for pair in zip(*shapes, strict=True))


def _quiet(loss: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def call(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of just this
            return loss(outputs, targets)

    return call


def _case(outputs: int, shape: tuple[int, ...], loss_fn: Callable[..., torch.Tensor]) -> Case:
    return Case(mlp(16, 32, outputs), batch(64, 16), batch(*shape, seed=2), loss_fn)


def _flat() -> Case:
    return Case(nn.Sequential(*mlp(16, 32, 1), nn.Flatten(0)), batch(64, 16), batch(64, 1, seed=2), _quiet(nn.functional.l1_loss))
