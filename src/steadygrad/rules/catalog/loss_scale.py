"""L116: a loss multiplied by next to nothing."""

from collections.abc import Iterator

import torch

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.gradient_flow import gradient_flow
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp


class LossScale(Rule):
    """The gradient is next to nothing already where it enters the model, and every weight's drowns.

    The mean of a loss over N samples has a gradient of order 1/N at each sample's outputs: for cross-entropy
    (p − y)/N. Where N times its rms is below 1e-5, while the network passes on what it gets, the loss itself was scaled
    away: divided twice by a count, multiplied by a weight meant for another term, or a learning rate put into the loss.
    An error when no weight can then move: rms(∂L/∂w) is below Adam's ε (1e-8) or below the resolution of the weight at
    any rate up to 1.

    Silent on a model that has learned its batch: there the loss is small as well.

    Source: Kingma & Ba 2015, algorithm 1 (ε); Micikevicius et al. 2018, arXiv:1710.03740 (scale of losses).
    """

    code = "L116"
    slug = "loss-scale"
    title = "a loss multiplied by next to nothing"
    priority = 15
    explains = ("vanishing-gradient", "lr-too-low", "no-gradient", "loss-at-start", "epsilon")
    thresholds = {
        "gradient": Threshold(1e-5, "N × rms of the gradient at the outputs; cross-entropy of two undecided classes has 0.5"),
        "update": Threshold(1e-8, "Adam's ε: gradients below it are not rescaled any more"),
        "passed": Threshold(1e-3, "rms of the weights' gradients over N × that at the outputs: below it the network lost them, not the loss"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the loss."""
        n, flow = evidence.conditions.batch_size, gradient_flow(evidence)
        if n is None or flow is None or evidence.conditions.cotangent or evidence.loss is None:
            return
        found = [g.moments.rms * n for i in evidence.graph.outputs if (g := evidence.gradients.get(i)) is not None and g.moments.rms > 0.0]
        largest = max((i.rms for i in flow.items), default=0.0)
        if not found or not max(found) < self.threshold("gradient") or largest < self.threshold("passed") * max(found) or self._learned(evidence, max(found)):
            return
        if all(i.rms < self.threshold("update") for i in flow.items) or all(i.relative < i.resolution for i in flow.items):
            yield self.finding(
                "error",
                "loss",
                f"The loss is scaled away: its gradient at the outputs is {max(found):.1e} per sample, and the largest of any weight has rms {largest:.1e}, which no optimizer makes up for.",
                evidence={"gradient_per_sample": max(found), "largest_weight_gradient": largest, "loss": evidence.loss.value},
                advice="Look for a factor on the loss: a second division by the batch size or by pixels, a weight of 1e-6 for another term.",
                snippet="loss = loss_fn(outputs, targets)  # mean over the batch, no further factor",
            )

    def _learned(self, evidence: Evidence, gradient: float) -> bool:
        """Whether the outputs fit so well that the gradient should be small: the loss is far above gradient × outputs otherwise only by a constant."""
        expected, value = (evidence.loss.expected, evidence.loss.value) if evidence.loss is not None else (None, None)
        return expected is not None and value is not None and value < 0.01 * expected

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Cross-entropy times 1e-8."""
        yield Specimen("cross-entropy times 1e-8", lambda: _scaled(1e-8), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same times 1 and times 0.01."""
        yield Specimen("cross-entropy", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("cross-entropy times 0.01", lambda: _scaled(0.01))


def _scaled(factor: float) -> Case:
    case = classification(mlp(16, 32, 32, 4))
    optimizer = torch.optim.Adam(case.model.parameters(), lr=1e-3)
    return Case(case.model, case.inputs, case.targets, lambda z, y: factor * torch.nn.functional.cross_entropy(z, y), optimizer)
