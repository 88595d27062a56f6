"""The part of the gradient that does not come through the outputs, against its formula."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.penalty import Penalty
from steadygrad.rules.specimens import batch, classification, mlp


def penalty(loss_fn, net: nn.Module) -> Penalty | None:
    case = classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
    return observe(Case(net, case.inputs, case.targets, loss_fn, case.optimizer)).experiments.get("penalty")


@pytest.mark.parametrize("factor", [1e-3, 0.5])
def test_of_a_sum_of_squares_the_pull_is_twice_the_factor(factor: float) -> None:
    net = mlp(16, 32, 4)
    found = penalty(lambda z, y: cross_entropy(z, y) + factor * sum(p.square().sum() for p in net.parameters()), net)
    assert found is not None
    assert found.over_weight == pytest.approx(2 * factor, rel=1e-5)
    x, y = batch(64, 16), classification(net).targets
    gradients = torch.autograd.grad(cross_entropy(net(x), y), [net[0].weight, net[2].weight])
    over = [2 * factor * float(w.detach().norm() / g.norm()) for w, g in zip((net[0].weight, net[2].weight), gradients, strict=True)]
    assert found.over_loss == pytest.approx(sum(over) / 2, rel=1e-4)  # the median of two


def test_a_loss_without_penalty_and_one_in_which_the_model_runs_again_are_not_measured() -> None:
    net = mlp(16, 32, 4)
    assert penalty(cross_entropy, net) is None
    noisy = batch(64, 16, seed=3)
    assert penalty(lambda z, y: cross_entropy(z, y) + mse_loss(net(noisy), z.detach()), net) is None


def test_a_penalty_on_the_outputs_is_no_penalty_on_the_weights() -> None:
    net = mlp(16, 32, 4)
    assert penalty(lambda z, y: cross_entropy(z, y) + 10.0 * z.square().mean(), net) is None


def test_where_nothing_else_pulls_the_penalty_is_all_there_is() -> None:
    net = mlp(16, 32, 4)
    found = penalty(lambda z, y: 0.0 * cross_entropy(z, y) + sum(p.square().sum() for p in net.parameters()), net)
    assert found is not None
    assert math.isinf(found.over_loss) and found.share == pytest.approx(1.0)
