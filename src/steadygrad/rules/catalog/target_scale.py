"""D105: regression targets far from the scale of a fresh network's outputs."""

from collections.abc import Iterator

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.overshoot import Overshoot
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import REGRESSION, pairings
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, mlp, regression


class TargetScale(Rule):
    """Regression targets are far from mean 0 and rms 1.

    A fresh network's outputs are of order 1. Under squared error the first residuals, and with them every gradient, are
    as large as the targets: rms s makes gradients s times and the loss s² times what learning rates are made for, and
    plain SGD diverges. A large mean is learnt by the last bias alone, at its own pace, while all other weights are
    pulled along by it. Tiny targets do the reverse: gradients too small to move anything but with an adaptive optimizer.

    A warning for targets of mse, L1, Huber losses and differences written by hand; the error when a step or a gradient
    breaks by it. Not where it breaks without it: what a step of plain gradient descent does to the outputs to first order
    grows with the errors as they do, so where that alone multiplies the squared error, the rate is too high (O101)
    for targets of any size, and scaling them cures nothing.

    Source: LeCun et al. 1998, "Efficient BackProp", 4.5; Bishop 1995, section 8.2; Lewkowycz et al. 2020, arXiv:2003.02218 (rates up to 4/λ).
    """

    code = "D105"
    slug = "target-scale"
    title = "regression targets far from mean 0 and rms 1"
    priority = 41
    needs_data = True
    explains = ("lr-too-high", "lr-too-low", "exploding-gradient", "loss-at-start", "nonfinite-backward", "half-range", "sharpness", "loss-sum")
    thresholds = {
        "large": Threshold(10.0, "gradients ten times, a squared loss a hundred times what learning rates are made for"),
        "small": Threshold(0.03, "answering 0 costs a thousandth of what losses and learning rates are made for"),
        "mean": Threshold(10.0, "|mean| in standard deviations: 99 % of the loss is the offset"),
        "growth": Threshold(9.0, "(1 − ηλ)² at ηλ = 4: up to there a wide network may still find a flatter place (Lewkowycz et al. 2020)"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each target tensor once."""
        overshoot, seen = evidence.experiments.get("overshoot"), set()
        regardless = isinstance(overshoot, Overshoot) and overshoot.growth > self.threshold("growth")
        for pairing in pairings(evidence):
            facts = pairing.target
            if pairing.op not in REGRESSION or facts is None or not pairing.as_given or facts.name in seen or facts.reading.moments.nonfinite:
                continue
            seen.add(facts.name)
            moments = facts.reading.moments
            shift = abs(moments.mean) / moments.std if moments.std > 0.0 else 0.0
            if moments.rms > self.threshold("large"):
                if regardless:
                    continue
                why = f"first errors are about {moments.rms:.2g}, and the gradients of {pairing.op} grow with them"
            elif 0.0 < moments.rms < self.threshold("small"):
                why = f"errors start at {moments.rms:.1g} and gradients shrink with them"
            elif shift > self.threshold("mean") and moments.rms > 1.0:
                why = f"their mean is {shift:.0f} standard deviations from zero, so the offset is nearly all of the loss"
            else:
                continue
            yield self.finding(
                "warning",
                "targets",
                f"`{facts.name}` has mean {moments.mean:.3g} and std {moments.std:.3g} where fresh outputs are of order 1: {why}.",
                evidence={"tensor": facts.name, "mean": moments.mean, "std": moments.std, "rms": moments.rms, "loss": pairing.op},
                advice="Train on standardized targets and undo it when predicting; for targets over several magnitudes take the logarithm first.",
                snippet="mean, std = train_targets.mean(0), train_targets.std(0)\ntargets = (targets - mean) / std  # prediction = output * std + mean",
            )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """House prices; microscopic targets; a large offset."""
        yield Specimen("prices around 200,000", lambda: _scaled(5e4, 2e5), where="targets")
        yield Specimen("targets of rms 0.0001", lambda: _scaled(1e-4, 0.0), where="targets")
        yield Specimen("maps that are small and nearly all zero", _sparse, where="targets")
        yield Specimen("temperatures in Kelvin, scaled by 1/50", lambda: _scaled(0.2, 6.0), where="targets")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Standard normal targets; targets between 0 and 1."""
        yield Specimen("standardized targets", lambda: regression(mlp(16, 32, 1)))
        yield Specimen("targets between 0 and 1", lambda: regression(mlp(16, 32, 1), targets=batch(64, 1, seed=2).sigmoid()))


def _sparse() -> Case:
    targets = batch(64, 25, seed=2)
    return regression(mlp(16, 32, 25), targets=targets.relu() * (targets > 1.0) * 0.03)


def _scaled(std: float, mean: float) -> Case:
    return regression(mlp(16, 32, 1), targets=batch(64, 1, seed=2) * std + mean)
