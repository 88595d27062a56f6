"""L105: the first loss is far above that of an answer that favours nothing."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence, LossFacts
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp, regression

SCORED = {"cross_entropy", "nll_loss", "binary_cross_entropy_with_logits", "binary_cross_entropy"}
SQUARED = {"mse_loss"}


class LossAtStart(Rule):
    """The first loss is far above what an undecided network has.

    An undecided classifier costs ln C; with logits of standard deviation σ that know nothing the expected cross-entropy
    is  ln C + σ²/2  (the mean of log Σ eᶻ for Gaussian z and many classes). An excess of 2 therefore means σ ≥ 2: some
    classes are e⁴ times likelier than others before anything was learnt, and the first part of training only takes that
    back. For squared error the undecided answer is 0 and costs the targets' mean square; ten times that means outputs
    three times as large as the targets.

    Usually a consequence: of input scale, weight scale, or a sum in place of a mean. A warning.

    Source: Karpathy 2019, "A Recipe for Training Neural Networks" (verify loss @ init).
    """

    code = "L105"
    slug = "loss-at-start"
    title = "first loss far above an undecided answer's"
    priority = 88
    anywhere = True
    thresholds = {
        "excess": Threshold(2.0, "σ²/2 at σ = 2: a class e⁴ = 55 times likelier than another at two deviations' distance"),
        "ratio": Threshold(10.0, "squared error over the targets' mean square: outputs of three times the targets' rms"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        loss, probe = evidence.loss, evidence.experiments.get("loss")
        if loss is None or loss.value is None or evidence.conditions.cotangent:
            return
        neutral = probe.neutral if isinstance(probe, LossProbe) and loss.reduction != "sum" else None
        expected, why = (loss.expected, loss.expectation) if loss.expected is not None else (neutral, "its value for outputs that favour nothing")
        if expected is None or not expected > 0.0 or not loss.value > expected:
            return
        if loss.op in SQUARED:
            wrong = loss.value > self.threshold("ratio") * expected
        else:
            scored = loss.op in SCORED or (isinstance(probe, LossProbe) and _is_cross_entropy(evidence, probe))
            wrong = scored and loss.value - expected > self.threshold("excess")
        if wrong:
            yield self._finding(loss, expected, why)

    def _finding(self, loss: LossFacts, expected: float, why: str) -> Finding:
        return self.finding(
            "warning",
            "loss",
            f"The first loss is {loss.value:.4g} where an undecided network has {expected:.4g} ({why}): outputs are far too large for one that knows nothing.",
            evidence={"value": loss.value, "expected": expected, "loss": loss.op},
            advice="Make the last layer start small, or at zero: then the first answers are undecided.",
            snippet="torch.nn.init.zeros_(head.weight); torch.nn.init.zeros_(head.bias)",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Outputs multiplied by ten in the forward, under cross-entropy and under squared error."""
        yield Specimen("outputs multiplied by ten", lambda: classification(_loud(4)), where="loss")
        yield Specimen("the same under squared error", lambda: regression(_loud(1)), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """He everywhere; a zero head; targets that are not centred."""
        yield Specimen("He in every layer", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("zero head", _silent)
        yield Specimen("targets of mean two", lambda: regression(mlp(16, 32, 1), targets=batch(64, 1, seed=2) + 2.0))


def _is_cross_entropy(evidence: Evidence, probe: LossProbe) -> bool:
    """Whether a loss written by hand gives equal probabilities for C classes ln C, as cross-entropy does."""
    shapes = [s.shape for i in evidence.graph.outputs for s in evidence.graph.nodes[i].outputs]
    classes = shapes[0][1] if len(shapes) == 1 and len(shapes[0]) > 1 else 0
    return probe.neutral is not None and classes > 1 and abs(probe.neutral / math.log(classes) - 1.0) < 0.01


class _Times(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 10.0 * x


def _loud(outputs: int) -> nn.Sequential:
    return nn.Sequential(*mlp(16, 32, outputs), _Times())


def _silent() -> Case:
    net = mlp(16, 32, 4)
    nn.init.zeros_(net.get_parameter("2.weight"))
    return classification(net)
