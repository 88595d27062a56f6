"""L110: a loss that prefers wrong answers."""

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import loss_ancestry
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp, regression

DIRECTED = {"cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"}


class LossRewardsError(Rule):
    """The loss is lower for wrong answers than for right ones.

    Asked of the loss itself, with answers made up from the targets: the right class at a logit of 4 (p ≈ 0.98 of two),
    the next class instead; the target itself, and three deviations beside it. A loss with l(right) > l(wrong) has its
    sign turned (a score to be maximized, a missing minus, exp of a cosine), and gradient descent walks away from the
    answer.

    Losses of torch that measure something else (contrastive, margin, Poisson, Gaussian) are not asked.

    Source: a proper scoring rule is lowest at the truth: Gneiting & Raftery 2007, section 2.
    """

    code = "L110"
    slug = "loss-rewards-error"
    title = "loss prefers wrong answers"
    priority = 11
    explains = ("loss-at-start", "lr-too-high", "lr-too-low", "vanishing-gradient", "no-gradient", "exploding-gradient", "output-constant", "nothing-trainable")
    thresholds = {"margin": Threshold(1e-3, "relative excess of l(right) over l(wrong) that is no rounding")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        probe = evidence.experiments.get("loss")
        if not isinstance(probe, LossProbe):
            return
        right, wrong = probe.right, probe.wrong
        if right is not None and wrong is not None and self._comparable(evidence):
            if right - wrong > self.threshold("margin") * max(abs(right), abs(wrong)):
                yield self._turned(right, wrong)

    def _comparable(self, evidence: Evidence) -> bool:
        """Whether right and wrong mean something: no torch loss that measures something else is involved."""
        ancestry = loss_ancestry(evidence)
        losses = [n.op for n in evidence.graph.nodes if n.kind == "loss" and n.index in ancestry]
        scaled = any(op.startswith("binary_cross_entropy") for op in losses) and any(f.distinct is None for f in evidence.targets)
        return all(op in DIRECTED for op in losses) and not scaled  # of a soft binary label the right logit is another number

    def _turned(self, right: float, wrong: float) -> Finding:
        return self.finding(
            "error",
            "loss",
            f"The loss is {right:.4g} for right answers and {wrong:.4g} for wrong ones: descending it walks away from the targets.",
            evidence={"right": right, "wrong": wrong},
            advice="Look for a missing or doubled minus; a score to be maximized must be negated before backward().",
            snippet="loss = -score",
        )


    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A turned sign."""
        yield Specimen("log-likelihood descended", lambda: _with(lambda z, y: -cross_entropy(z, y)), where="loss")
        yield Specimen("negated squared error", lambda: _regression(lambda p, t: -mse_loss(p, t)), where="loss")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Right signs, in torch's losses and by hand; a cosine to be near one."""
        yield Specimen("cross_entropy", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("log-likelihood ascended by its negative", lambda: _with(lambda z, y: -z.log_softmax(1).gather(1, y[:, None]).mean()))
        yield Specimen("squared error by hand", lambda: _regression(lambda p, t: (p - t).pow(2).mean()))
        yield Specimen("one minus cosine", lambda: _regression(lambda p, t: 1 - nn.functional.cosine_similarity(p, t, dim=0).mean()))


def _with(loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = classification(mlp(16, 32, 4))
    return Case(case.model, case.inputs, case.targets, loss_fn)


def _regression(loss_fn: Callable[..., torch.Tensor]) -> Case:
    case = regression(mlp(16, 32, 1), targets=batch(64, 1, seed=2) + 0.5)
    return Case(case.model, case.inputs, case.targets, loss_fn)
