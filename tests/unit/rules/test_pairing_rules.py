"""The formulas the loss rules quote, by a second road; and losses that must not alarm."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from steadygrad.case import Case
from steadygrad.door import check
from steadygrad.pipeline import examine, observe
from steadygrad.probes.experiments.batch_probe import QUANTILES
from steadygrad.rules.catalog import RULES
from steadygrad.rules.catalog.output_range import unreachable
from steadygrad.rules.finding import Finding
from steadygrad.rules.specimens import batch, mlp

OURS = [rule for rule in RULES if rule.code[0] in "DLS" and rule.code != "D107"]


def found(case: Case, code: str) -> Finding:
    return next(f for f in check(case, select=[code]).findings)


def test_the_floor_of_softmax_before_cross_entropy_is_what_a_sure_answer_costs() -> None:
    case = next(s for s in RULES["L101"].sick() if s.name == "softmax as last layer").build()
    sure = functional.one_hot(case.targets, 4).float()  # the best a softmax can answer
    assert found(case, "L101").evidence["floor"] == pytest.approx(float(functional.cross_entropy(sure, case.targets)), abs=1e-6)


def test_the_costs_of_a_double_sigmoid() -> None:
    zero, one = torch.zeros(1), torch.ones(1)
    assert float(functional.binary_cross_entropy_with_logits(zero, zero)) == pytest.approx(math.log(2))
    assert float(functional.binary_cross_entropy_with_logits(one, one)) == pytest.approx(math.log1p(math.exp(-1)))


def test_broadcast_squared_error_is_minimized_by_the_mean() -> None:
    p, t = batch(64, 1).double(), batch(64, seed=2).double()
    pairs = (p - t).square().mean()
    assert float(pairs) == pytest.approx(float((p - t.mean()).square().mean() + t.var(unbiased=False)), rel=1e-12)


def test_excess_of_the_first_loss_is_half_the_variance_of_the_logits() -> None:
    classes, sigma, n = 1000, 1.0, 4000
    logits = sigma * batch(n, classes).double()
    excess = float(functional.cross_entropy(logits, torch.arange(n) % classes)) - math.log(classes)
    # log-mean-exp of C Gaussians is biased by −(e^σ² − 1)/(2C); the target's logit has deviation σ/√n
    assert excess == pytest.approx(sigma**2 / 2, abs=4 * sigma / math.sqrt(n) + (math.exp(sigma**2) - 1) / (2 * classes))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, math.inf)])
def test_what_cannot_be_reached_is_the_mean_squared_distance(low: float, high: float) -> None:
    values = batch(100_000).double().sort().values
    quantiles = [float(values[round(q * (len(values) - 1))]) for q in QUANTILES]
    _, _, remains = unreachable(quantiles, low, high)

    def squared(x: float) -> float:
        return (x - min(max(x, low), high)) ** 2

    # d² is monotone, or has its minimum 0, between two quantiles: truth and interpolation both lie between its extremes there
    pieces = zip(QUANTILES, QUANTILES[1:], quantiles, quantiles[1:], strict=False)
    bound = sum((b - a) * (max(squared(u), squared(v)) - (0.0 if u < high and v > low else min(squared(u), squared(v)))) for a, b, u, v in pieces)
    assert abs(remains - float((values - values.clamp(low, high)).square().mean())) < bound < 0.5


def test_what_cannot_be_reached_is_exact_for_evenly_spread_targets() -> None:
    mean, variance, remains = unreachable([4 * q - 1 for q in QUANTILES], 0.0, 1.0)  # uniform on −1 … 3
    # 2,000 midpoints: error of the midpoint rule ~ (4/2000)²
    assert (mean, variance, remains) == pytest.approx((1.0, 16 / 12, (1 / 3 + 8 / 3) / 4), abs=1e-5)


LOSSES: dict[str, tuple[int, Any, Callable[..., torch.Tensor]]] = {
    "targets in a dict": (2, {"a": batch(32, 1), "b": batch(32, 1, seed=3)}, lambda o, t: (o[:, :1] - t["a"]).square().mean() + (o[:, 1:] - t["b"]).abs().mean()),
    "no targets": (1, None, lambda o: -o.mean()),
    "policy gradient": (2, (torch.arange(32) % 2, batch(32)), lambda o, t: -(o.log_softmax(1).gather(1, t[0][:, None])[:, 0] * t[1]).mean()),
    "temporal difference": (2, (torch.arange(32) % 2, batch(32)), lambda o, t: functional.smooth_l1_loss(o.gather(1, t[0][:, None])[:, 0], t[1])),
    "hinge": (1, batch(32, 1).sign(), lambda o, t: (1 - o * t).clamp(min=0).mean()),
    "focal": (1, (batch(32, 1) > 0).float(), lambda o, t: ((1 - (-functional.binary_cross_entropy_with_logits(o, t, reduction="none")).exp()) ** 2).mean()),
    "Gaussian likelihood": (2, batch(32), lambda o, t: functional.gaussian_nll_loss(o[:, 0], t, functional.softplus(o[:, 1]) + 1e-3)),
    "Poisson": (1, batch(32, 1).abs().round(), functional.poisson_nll_loss),
    "cosine": (8, batch(32, 8), lambda o, t: functional.cosine_embedding_loss(o, t, torch.ones(32))),
    "distillation": (5, batch(32, 5), lambda o, t: functional.kl_div(functional.log_softmax(o / 2, 1), functional.softmax(t / 2, 1), reduction="batchmean")),
    "mixture density": (9, batch(32, 1), lambda o, t: -torch.logsumexp(o[:, :3].log_softmax(1) - ((t - o[:, 3:6]) / o[:, 6:].exp()) ** 2 - o[:, 6:], 1).mean()),
    "contrastive": (8, None, lambda o: functional.cross_entropy(functional.normalize(o) @ functional.normalize(o).T / 0.5, torch.arange(32))),
    "triplet": (8, None, lambda o: functional.triplet_margin_loss(o[:10], o[10:20], o[20:30])),
    "ordinal grades": (1, (torch.arange(32) % 5)[:, None].float(), functional.mse_loss),
    "entropy bonus": (4, torch.arange(32) % 4, lambda o, t: functional.cross_entropy(o, t) + 0.01 * (o.softmax(1) * o.log_softmax(1)).sum(1).mean()),
    "only some samples": (1, batch(32, 1), lambda o, t: functional.mse_loss(o[t > 0], t[t > 0])),
    "class weights": (4, torch.arange(32) % 4, nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0]), label_smoothing=0.1)),
    "pixels divided in the loss": (4, torch.randint(0, 256, (32, 4), generator=torch.Generator().manual_seed(0)).float(),
                                   lambda o, t: functional.binary_cross_entropy_with_logits(o, t / 255)),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_unusual_losses_raise_no_error_and_no_warning_of_ours(name: str) -> None:
    width, targets, loss_fn = LOSSES[name]
    report = check(mlp(16, 32, width), batch(32, 16), targets, loss_fn)
    assert report.ok, report
    assert not [f for f in report.findings if f.severity == "warning" and f.code[0] in "DLS"], report


@pytest.mark.parametrize("inputs", [batch(1, 16), batch(2, 3, 16), torch.arange(12).reshape(4, 3) % 7], ids=["one sample", "sequence", "ids"])
def test_odd_batches_do_not_disturb_the_rules(inputs: torch.Tensor) -> None:
    model = mlp(16, 8, 4) if inputs.is_floating_point() else nn.Sequential(nn.Embedding(7, 16), mlp(16, 8, 4))
    assert check(model, inputs).ok


def refused(model: nn.Module, targets: torch.Tensor, failure: str, code: str) -> list[Finding]:
    """What a rule says when the loss raised, so that there is a graph of the model and none of the loss."""
    evidence = observe(Case(model, batch(8, 16), targets))
    broken = replace(evidence, conditions=replace(evidence.conditions, failure=failure))
    return list(examine(broken, [RULES[code]()]))


def test_class_numbers_from_one_are_explained_when_the_loss_refused_them() -> None:
    (found,) = refused(mlp(16, 8, 4), 1 + torch.arange(8) % 4, "IndexError: Target 4 is out of bounds.", "D106")
    assert found.severity == "error" and found.where == "targets" and "counted from 1" in found.message
    assert found.evidence == {"minimum": 1.0, "maximum": 4.0, "classes": 4}


def test_classes_within_range_are_not_blamed_for_a_refusal() -> None:
    assert not refused(mlp(16, 8, 4), torch.arange(8) % 4, "RuntimeError: something else", "D106")


def test_raw_scores_are_explained_when_binary_cross_entropy_refused_them() -> None:
    (found,) = refused(mlp(16, 8, 1), torch.ones(8, 1), "RuntimeError: all elements of input should be between 0 and 1", "L103")
    assert (found.severity, found.where) == ("error", "2") and "binary_cross_entropy_with_logits" in found.snippet


@pytest.mark.parametrize("rule", OURS, ids=lambda rule: rule.code)
def test_every_error_says_what_to_do(rule: Any) -> None:
    for specimen in rule.sick():
        for finding in check(specimen.build()).findings:
            if finding.code == rule.code and finding.severity != "note":
                assert finding.advice.endswith(".") and finding.snippet, finding
                assert "\n" not in finding.message and finding.message.endswith(".") and finding.evidence, finding
