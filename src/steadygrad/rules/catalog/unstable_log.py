"""L111: a logarithm that reads a softmax or sigmoid directly."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.logarithms import Logarithm, exponential_of, less_its_largest, logarithms, of_directions
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp

FUSED = {"softmax": "torch.log_softmax(logits, 1)", "sigmoid": "torch.nn.functional.logsigmoid(logits)"}
SATURATES = {"softmax": "a score 104 below the largest", "sigmoid": "a score below −104 (for log(1 − p): above 17)"}


class UnstableLog(Rule):
    """log(softmax(z)) or log(sigmoid(z)) in two steps, with nothing that keeps the probability from zero.

    float32 holds no number below 1.4e-45 = exp(−103.3): from there on p is exactly 0, its logarithm −∞, and the gradient
    1/p · p(1 − p) is ∞ · 0 = NaN. 1 − σ(z) is 0 from z = 17 on. One such sample ends training; it may take thousands of
    steps to come. `log_softmax` and `logsigmoid` compute the same number without the detour and never overflow.

    A softmax written as exp(z)/Σexp(z), or log Σexp(z), overflows besides: exp(z) is ∞ from z = 88.7 on, and ∞/∞ is NaN.

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
            exponential = exponential_of(evidence, logarithm)
            if logarithm.head.op in FUSED and not logarithm.clamped:
                yield self._finding(evidence, logarithm)
            elif exponential is not None and not of_directions(evidence, exponential):
                safe = less_its_largest(evidence, exponential)
                if not safe or (logarithm.normalized and not logarithm.clamped):
                    yield self._by_hand(evidence, logarithm, exponential, safe)

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

    def _by_hand(self, evidence: Evidence, logarithm: Logarithm, exponential: Node, safe: bool) -> Finding:
        node, reading = logarithm.node, evidence.signals.get(logarithm.node.index)
        scores = evidence.signals.get(exponential.inputs[0])
        broken = reading.moments.nonfinite if reading is not None else 0
        blame = scores is None or not scores.moments.nonfinite
        what = "exp(z)/Σexp(z)" if logarithm.normalized else "Σexp(z)"
        breaks = "is 0, and its logarithm −∞, for a score 104 below the largest" if safe else "overflows for a score above 88.7, and ∞ or NaN is what remains"
        return self.finding(
            "error" if broken and blame else "warning",
            node.where,
            f"log of {what} written by hand: it {breaks}" + (f"; it is so for {broken} values of this batch." if broken else "."),
            evidence={"head": "exp", "infinite_now": broken, "largest_exponent": math.log(torch.finfo(torch.float32).max)},
            advice="Compute it in one step from the scores; cross_entropy does.",
            snippet=f"log_p = {FUSED['softmax']}" if logarithm.normalized else "total = torch.logsumexp(logits, 1)",
            node=exponential.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """By hand from softmax and sigmoid; scores so large that it has happened."""
        yield Specimen("−log softmax by hand", lambda: _classes(1.0), where="loss")
        yield Specimen("binary cross-entropy by hand", lambda: _binary(_cross_entropy), where="loss")
        yield Specimen("softmax and its logarithm by hand", lambda: _written(_share), where="loss")
        yield Specimen("softmax by hand, the largest score taken off", lambda: _written(lambda z, y: _share(z - z.amax(1, keepdim=True), y)), where="loss")
        yield Specimen("log Σexp by hand", lambda: _written(lambda z, y: z.exp().sum(1).log() - z.gather(1, y[:, None])[:, 0]), where="loss")
        yield Specimen("softmax by hand of scores in the hundreds", lambda: _written(lambda z, y: _share(300.0 * z, y)), where="loss")
        yield Specimen("−log softmax of scores in the hundreds", lambda: _classes(300.0), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Clamped, with an epsilon, or in one step."""
        yield Specimen("clamped", lambda: _binary(lambda p, y: _cross_entropy(p.clamp(1e-6, 1 - 1e-6), y)))
        yield Specimen("log_softmax by hand", _in_one_step)
        yield Specimen("logsumexp by hand, the largest score taken off", lambda: _written(_shifted))
        yield Specimen("similarities of directions", lambda: _written(_similarities))


def _cross_entropy(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


def _binary(loss_fn: Callable[..., torch.Tensor]) -> Case:
    return Case(nn.Sequential(*mlp(16, 32, 1), nn.Sigmoid()), batch(64, 16), (batch(64, 1, seed=2) > 0).float(), loss_fn)


def _classes(factor: float) -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: -torch.log((factor * z).softmax(1)).gather(1, y[:, None]).mean())


def _written(loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: loss_fn(z, y).mean())


def _share(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -torch.log((torch.exp(z) / torch.exp(z).sum(1, keepdim=True)).gather(1, y[:, None]))


def _shifted(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    largest = z.amax(1, keepdim=True)
    return (z - largest).exp().sum(1).log() + largest[:, 0] - z.gather(1, y[:, None])[:, 0]


def _similarities(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive: −log of the share of the same class among exp(cosine/0.5)."""
    directions = nn.functional.normalize(z, dim=1)
    near = torch.exp(directions @ directions.T / 0.5)
    return -torch.log((near / near.sum(1, keepdim=True) * (y[:, None] == y)).sum(1))


def _in_one_step() -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: -z.log_softmax(1).gather(1, y[:, None]).mean())
