"""L111: a logarithm that reads a softmax or sigmoid directly."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.logarithms import Logarithm, logarithms
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp

FUSED = {"softmax": "torch.log_softmax(logits, 1)", "sigmoid": "torch.nn.functional.logsigmoid(logits)"}
SATURATES = {"softmax": "a score 104 below the largest", "sigmoid": "a score below −104 (for log(1 − p): above 17)"}


class UnstableLog(Rule):
    """log(softmax(z)) or log(sigmoid(z)) in two steps, with nothing that keeps the probability from zero.

    float32 holds no number below 1.4e-45 = exp(−103.3): from there on p is exactly 0, its logarithm −∞, and the gradient
    1/p · p(1 − p) is ∞ · 0 = NaN. 1 − σ(z) is 0 from z = 17 on. One such sample ends training; it may take thousands of
    steps to come. `log_softmax` and `logsigmoid` compute the same number without the detour and never overflow.

    A warning; an error when the logarithm is already infinite on this batch.

    Source: Blanchard, Higham & Higham 2021, arXiv:1909.03469 (log-sum-exp); GRIST, arXiv:2108.05157 (numerical bugs).
    """

    code = "L111"
    slug = "unstable-log"
    title = "logarithm of a probability that can be zero"
    priority = 12
    explains = ("nonfinite-forward", "nonfinite-backward", "half-range", "exploding-gradient", "loss-at-start", "lr-too-high")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First logarithm first."""
        for logarithm in logarithms(evidence):
            if logarithm.head.op in FUSED and not logarithm.clamped:
                yield self._finding(evidence, logarithm)

    def _finding(self, evidence: Evidence, logarithm: Logarithm) -> Finding:
        node, head = logarithm.node, logarithm.head
        reading = evidence.signals.get(node.index)
        broken = reading.moments.nonfinite if reading is not None else 0
        probability = evidence.signals.get(head.index)
        blame = not broken or probability is None or not probability.moments.nonfinite
        return self.finding(
            "error" if broken and blame else "warning",
            node.where,
            f"log of {head.op} in two steps is −∞ as soon as a probability rounds to 0 ({SATURATES[head.op]})"
            + (f"; it is so for {broken} values of this batch." if broken else "."),
            evidence={"head": head.op, "infinite_now": broken, "smallest_exponent": math.log(2.0**-149)},
            advice="Compute it in one step from the scores; cross_entropy and binary_cross_entropy_with_logits do.",
            snippet=f"log_p = {FUSED[head.op]}",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """By hand from softmax and sigmoid; scores so large that it has happened."""
        yield Specimen("−log softmax by hand", lambda: _classes(1.0), where="loss")
        yield Specimen("binary cross-entropy by hand", lambda: _binary(_cross_entropy), where="loss")
        yield Specimen("−log softmax of scores in the hundreds", lambda: _classes(300.0), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Clamped, with an epsilon, or in one step."""
        yield Specimen("clamped", lambda: _binary(lambda p, y: _cross_entropy(p.clamp(1e-6, 1 - 1e-6), y)))
        yield Specimen("log_softmax by hand", _in_one_step)


def _cross_entropy(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


def _binary(loss_fn: Callable[..., torch.Tensor]) -> Case:
    return Case(nn.Sequential(*mlp(16, 32, 1), nn.Sigmoid()), batch(64, 16), (batch(64, 1, seed=2) > 0).float(), loss_fn)


def _classes(factor: float) -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: -torch.log((factor * z).softmax(1)).gather(1, y[:, None]).mean())


def _in_one_step() -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: -z.log_softmax(1).gather(1, y[:, None]).mean())
