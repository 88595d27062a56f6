"""O105: a learning rate beyond what the measured curvature allows."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.curvature import Curvature
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.rules.finding import Finding
from steadygrad.rules.rehearsals import course, outcome
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class Sharpness(Rule):
    """The rate exceeds the limit of stability at the sharpness measured where training starts (full depth only).

    On a quadratic with largest curvature λ_max gradient descent with momentum β converges only for
    η < 2(1 + β)/λ_max; beyond, the error along the sharpest direction grows in every step. A network is no quadratic:
    its sharpness often falls as soon as it trains, so that a rate beyond the initial limit is survived (the catapult).
    Being beyond the limit is therefore a note. It is a warning when twenty real steps on the batch (taken and undone)
    keep less than a tenth of what their gradients promised, and the error when they diverge.

    Adam is compared with its own limit, 2(1 + β₁)/(1 − β₁) = 38 on λ_max(P^−½ H P^−½)·η, once it has second moments.

    Source: Cohen et al. 2021, arXiv:2103.00065; Lewkowycz et al. 2020, arXiv:2003.02218 (catapult); Cohen et al. 2022,
    arXiv:2207.14484 (Adam).
    """

    code = "O105"
    slug = "sharpness"
    title = "learning rate beyond the stability limit"
    priority = 62
    explains = ("oscillation", "train-eval-gap")
    thresholds = {"excess": Threshold(1.0, "rate·λ_max over the optimizer's limit: above one a quadratic diverges")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs full depth and an optimizer whose limit is known."""
        curvature, rehearsal = evidence.experiments.get("curvature"), evidence.experiments.get("rehearsal")
        if not isinstance(curvature, Curvature) or not isinstance(rehearsal, Rehearsal):
            return
        if curvature.rate_sharpness is None or not curvature.limit:
            return
        excess = curvature.rate_sharpness / curvature.limit
        if not excess > self.threshold("excess"):
            return
        came_to = outcome(rehearsal)
        severity = {"diverges": "error", "stalls": "warning", "falls": "note"}[came_to]
        ending = {
            "diverges": "and training on it diverges", "stalls": "and its loss does not come down", "falls": "although its loss comes down so far",
        }[came_to]  # fmt: skip
        safe, limit = curvature.stable_rate, f"{curvature.limit:.3g}"
        limit = limit if curvature.limit_formula == limit else f"{curvature.limit_formula} = {limit}"
        yield self.finding(
            severity,
            "optimizer",
            f"The learning rate is {excess:.3g}× what the curvature allows (sharpness {curvature.sharpness:.3g}, rate × sharpness ="
            f" {curvature.rate_sharpness:.3g}, limit {limit}), {ending}: {course(rehearsal)}.",
            evidence={
                "sharpness": curvature.sharpness, "rate_sharpness": curvature.rate_sharpness, "limit": curvature.limit,
                "limit_formula": curvature.limit_formula, "stable_rate": safe, "losses": list(rehearsal.losses),
                "promised": rehearsal.promised, "kept": rehearsal.kept, "method": curvature.method,
            },
            advice=f"Lower the learning rate below {safe:.1g}, or warm it up from there; normalization and a better scale of inputs lower the sharpness itself." if safe else "Lower the learning rate, or warm it up.",
            snippet=f"for group in optimizer.param_groups:\n    group['lr'] = {0.5 * safe:.1g}" if safe and severity != "note" else "",
            confidence=1.0 if came_to == "diverges" else 0.7,
        )  # fmt: skip

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Quadratics a little beyond their limit, where one step does not show it."""
        yield Specimen("least squares at 1.2 times its limit", lambda: least_squares(1.2), where="optimizer", settings={"depth": "full"})
        yield Specimen("least squares at 1.1 times its limit", lambda: least_squares(1.1), where="optimizer", settings={"depth": "full"})

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same inside; a network that survives a rate beyond its initial limit."""
        yield Specimen("least squares at half its limit", lambda: least_squares(0.5), settings={"depth": "full"})
        yield Specimen("least squares, momentum, at half its limit", lambda: least_squares(0.5, 0.9), settings={"depth": "full"})
        yield Specimen("12 batch-normalized layers at lr 0.1", _survivor, settings={"depth": "full"})


def least_squares(factor: float, momentum: float = 0.0) -> Case:
    """Linear regression on 16 features, at a rate of `factor` times 2(1 + β)/λ_max; H = 2XᵀX/N, known exactly."""
    net, x = nn.Linear(16, 1, bias=False), batch(64, 16)
    nn.init.zeros_(net.weight)
    targets = x @ torch.linspace(0.5, 1.5, 16)[:, None] / 4.0
    sharpness = float(torch.linalg.eigvalsh(2.0 * x.T @ x / 64)[-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=factor * 2.0 * (1.0 + momentum) / sharpness, momentum=momentum)
    return Case(net, x, targets, nn.functional.mse_loss, optimizer)


def _survivor() -> Case:
    layers: list[nn.Module] = []
    for layer in mlp(16, *[64] * 12, 4):
        layers += [layer, nn.BatchNorm1d(layer.out_features)] if isinstance(layer, nn.Linear) else [layer]
    net = nn.Sequential(*layers[:-1])
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
