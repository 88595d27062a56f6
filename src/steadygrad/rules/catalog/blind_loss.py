"""L115: a loss that does not look at the targets, or not sample by sample."""

from collections.abc import Callable, Iterator

import torch
from torch.nn.functional import mse_loss

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import loss_ancestry
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp, regression


class BlindLoss(Rule):
    """The loss stays the same when the targets are shuffled, or replaced by others.

    Asked of the loss itself, with random outputs. A loss that shuffled targets change by less than a thousandth of what
    other random outputs do cannot know which target belongs to which sample: it compares means, or all pairs. The best it
    can teach is a constant. An error, except that a loss which never reads its targets is only a warning: it may get
    them another way.

    Source: the definition of the risk as a mean over (prediction, target) pairs; Goodfellow et al. 2016, 5.2.
    """

    code = "L115"
    slug = "blind-loss"
    title = "loss does not see which target belongs to which sample"
    priority = 10
    explains = (
        "loss-at-start", "lr-too-high", "lr-too-low", "vanishing-gradient", "no-gradient", "exploding-gradient", "output-constant",
        "nothing-trainable", "loss-rewards-error", "loss-sum",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        probe = evidence.experiments.get("loss")
        if not isinstance(probe, LossProbe) or not probe.blind or evidence.graph.loss is None:
            return
        ancestry = loss_ancestry(evidence)
        read = any(n.op == "target" and n.index in ancestry for n in evidence.graph.nodes)
        whole = probe.blind == "all"
        yield self.finding(
            "error" if read else "warning",
            "loss",
            "The loss does not change when the targets are " + ("replaced by others" if whole else "shuffled")
            + f" ({probe.value:.4g} on this batch): it cannot teach which target belongs to which sample.",
            evidence={"value": probe.value, "blind": probe.blind, "reads_targets": read},
            advice="Compare outputs and targets sample by sample before averaging"
            + ("." if read else "; if this loss gets its targets another way, pass targets=None."),
            snippet="loss = loss_fn(outputs, targets)",
        )  # fmt: skip

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Means compared instead of samples; the output compared with itself."""
        yield Specimen("mean compared with mean", lambda: _regression(lambda p, t: (p.mean() - t.mean()).square()), where="loss")
        yield Specimen("outputs averaged over the batch", lambda: _regression(lambda p, t: mse_loss(p.mean(0).expand_as(t), t)), where="loss")
        yield Specimen("targets never read", lambda: _regression(lambda p, t: p.square().mean()), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Sample by sample, in torch's losses and by hand."""
        yield Specimen("cross_entropy", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("squared error by hand", lambda: _regression(lambda p, t: (p - t).pow(2).mean()))


def _regression(loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = regression(mlp(16, 32, 1), targets=batch(64, 1, seed=2) + 0.5)
    return Case(case.model, case.inputs, case.targets, loss_fn)
