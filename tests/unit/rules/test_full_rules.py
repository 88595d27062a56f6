"""Full depth changes what a rule may say, on cases that are nobody's specimen."""

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.door import check
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.rules.catalog.normalization_growth import normalized_layers
from steadygrad.rules.rehearsals import outcome
from steadygrad.rules.specimens import batch, classification, mlp


def test_a_first_step_that_is_survived_is_no_error_at_full_depth() -> None:
    net = mlp(16, 64, 64, 4)
    net = nn.Sequential(net[0], nn.BatchNorm1d(64), *net[1:])
    case = classification(net, optimizer=torch.optim.Adam(net.parameters(), lr=0.1))
    fast, full = check(case), check(case, depth="full")
    assert fast.cause is not None and fast.cause.slug == "lr-too-high"
    assert full.ok and [f.slug for f in full.findings if f.severity == "warning"] == ["lr-too-high"]
    assert "Trained on, the loss goes" in full.findings[0].message


def losses(*values: float, promised: float = -1.0) -> Rehearsal:
    return Rehearsal(tuple(values), promised)


def test_outcomes() -> None:
    down = [2.0 - 0.05 * k for k in range(21)]
    assert outcome(losses(*down)) == "falls"
    assert outcome(losses(2.0, 3.0, float("nan"))) == "diverges"
    assert outcome(losses(*[2.0 * 1.1**k for k in range(61)], promised=-100.0)) == "diverges"
    catapult = [2.0, 5.0, 20.0, 40.0, 30.0, *[10.0 / k for k in range(1, 57)]]
    assert outcome(losses(*catapult, promised=-500.0)) == "falls"
    assert outcome(losses(*[2.0 + 0.3 * (-1) ** k for k in range(21)], promised=-50.0)) == "stalls"
    assert outcome(losses(*[2.0 - 1e-5 * k for k in range(21)], promised=-2e-4)) == "falls"  # too small to say


def test_growth_through_batch_norm_is_a_warning_while_nothing_fails() -> None:
    sick = normalized_layers(45)
    without = Case(sick.model, sick.inputs, sick.targets, sick.loss_fn)  # no optimizer: nobody knows whether it trains
    found = {f.slug: f for f in check(without, depth="full").findings}
    assert found["normalization-growth"].severity == "warning"
    assert abs(found["normalization-growth"].evidence["expected_per_layer"] - 1.211) < 1e-3


def test_the_same_layers_in_eval_mode_do_not_grow() -> None:
    assert not any(f.slug == "normalization-growth" for f in check(normalized_layers(45), depth="full", mode="eval").findings)


def test_generated_data_say_nothing_about_running_statistics() -> None:
    net = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4))
    with torch.no_grad():
        for _ in range(60):
            net(50.0 + 3.0 * batch(64, 16))
    case = classification(net)
    assert any(f.slug == "train-eval-gap" for f in check(case, depth="full").findings)
    assert not any(f.slug == "train-eval-gap" for f in check(case.model, case.inputs, case.targets, case.loss_fn, depth="full", generated=True).findings)
