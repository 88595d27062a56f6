"""A sum is not to blame for a step that a mean would not bear; a batch of one number has a size."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, l1_loss, mse_loss

import steadygrad as sg
from steadygrad.case import Case
from steadygrad.rules.specimens import batch, classification, mlp


def summed(rate: float) -> Case:
    net = mlp(16, 32, 4)
    case = classification(net)
    return Case(net, case.inputs, case.targets, lambda z, y: cross_entropy(z, y, reduction="sum"), torch.optim.SGD(net.parameters(), lr=rate))


def severities(case: Case, code: str) -> list[str]:
    return [f.severity for f in sg.check(case).findings if f.code == code]


def test_a_sum_is_to_blame_where_a_mean_would_do() -> None:
    assert severities(summed(0.3), "L106") == ["error"]  # which a step has broken by
    assert severities(summed(1e4), "L106") == ["note"]


def test_one_number_has_a_size() -> None:
    net = mlp(1, 8, 1)
    for value, found in ((150.0, ["warning"]), (1.0, []), (0.0, [])):
        assert severities(Case(net, torch.tensor([[value]]), torch.tensor([[0.5]]), mse_loss), "D102") == found


def test_an_absolute_error_far_from_its_targets_is_not_blind() -> None:
    net = nn.Sequential(mlp(16, 32, 1), nn.Sigmoid())  # outputs in 0 … 1, targets above 1000: every error has the same sign
    assert severities(Case(net, batch(64, 16), 1000.0 + 300.0 * batch(64, 1, seed=2).abs(), l1_loss), "L115") == []
