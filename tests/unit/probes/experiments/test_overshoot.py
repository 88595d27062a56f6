"""The squared error after a step, to first order in what it does to the outputs, against the line's own algebra."""

import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss, mse_loss

import steadygrad
from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.overshoot import Overshoot
from steadygrad.rules.specimens import batch, mlp

INPUTS = batch(64, 4)


def line(lr: float, scale: float, loss_fn=mse_loss, optimizer=torch.optim.SGD) -> Case:
    net = mlp(4, 1)
    return Case(net, INPUTS, INPUTS.sum(1, keepdim=True) * scale, loss_fn, optimizer(net.parameters(), lr=lr))


def overshoot(case: Case) -> Overshoot | None:
    return observe(case).experiments.get("overshoot")


@pytest.mark.parametrize("scale", [1.0, 300.0])
@pytest.mark.parametrize(("loss_fn", "factor"), [(mse_loss, 1.0), (lambda z, y: 0.5 * mse_loss(z, y), 0.5), (nn.MSELoss(reduction="sum"), 64.0)])
def test_of_a_line_it_is_what_the_step_does_to_the_error(scale: float, loss_fn, factor: float) -> None:
    case = line(3.0 / factor, scale, loss_fn)
    found = overshoot(case)
    assert found is not None
    x = torch.cat([INPUTS, torch.ones(64, 1)], 1).double()
    error = (case.model(INPUTS) - case.targets).detach().double()
    after = error - 3.0 * 2.0 / 64 * x @ (x.T @ error)
    assert found.growth == pytest.approx(float(after.square().mean() / error.square().mean()), rel=2e-2)


def test_is_asked_only_after_a_rise_under_plain_gradient_descent_and_a_squared_error() -> None:
    assert overshoot(line(0.01, 300.0)) is None
    assert overshoot(line(3.0, 300.0, l1_loss)) is None
    assert overshoot(line(300.0, 1.0, optimizer=torch.optim.Adam)) is None


def test_the_targets_are_named_where_only_they_break_the_step_and_the_rate_where_it_would_break_any() -> None:
    steep = line(3.0, 300.0)
    first = steadygrad.check(steep.model, steep.inputs, steep.targets, mse_loss, optimizer=steep.optimizer).findings[0]
    assert first.slug == "lr-too-high"
    net = mlp(4, 32, 1)
    deep = Case(net, INPUTS, steep.targets, mse_loss, torch.optim.SGD(net.parameters(), lr=0.2))
    first = steadygrad.check(deep.model, deep.inputs, deep.targets, mse_loss, optimizer=deep.optimizer).findings[0]
    assert (first.slug, first.severity) == ("target-scale", "error")


def test_the_weights_are_as_they_were() -> None:
    case = line(3.0, 300.0)
    before = [p.detach().clone() for p in case.model.parameters()]
    overshoot(case)
    assert all(torch.equal(p, b) for p, b in zip(case.model.parameters(), before, strict=True))
