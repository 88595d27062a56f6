"""A gate of few units may be off as a whole by its signs alone; a layer that all signals pass may not."""

import pytest
import torch
from torch import nn

import steadygrad
from steadygrad.rules.specimens import classification


class Gate(nn.Module):
    """Hidden units times a gate of `units` rectifiers whose weights have one sign on positive numbers, and a bias."""

    def __init__(self, units, bias):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(16, 64), nn.Linear(64, 4)
        self.squeeze, self.act, self.excite = nn.Linear(64, units), nn.ReLU(), nn.Linear(units, 64)
        with torch.no_grad():
            self.squeeze.weight.copy_(-torch.randn(units, 1).abs().expand(units, 64) / 8)
            self.squeeze.bias.fill_(bias)

    def forward(self, x):
        hidden = self.first(x)
        return self.last(hidden * torch.sigmoid(self.excite(self.act(self.squeeze(hidden.abs())))))


def dead_units(model):
    report = steadygrad.check(classification(model), select=["A102"])
    return [(f.severity, f.message) for f in report.findings]


def test_a_gate_of_few_units_is_a_warning_with_its_chance():
    ((severity, message),) = dead_units(Gate(8, 0.0))
    assert severity == "warning"
    assert "1 in 256" in message


@pytest.mark.parametrize(("units", "bias"), [(32, 0.0), (8, -200.0)], ids=["too many units for a chance", "pushed by a bias"])
def test_a_gate_that_something_shut_is_an_error(units, bias):
    ((severity, message),) = dead_units(Gate(units, bias))
    assert severity == "error"
    assert "nothing passes" in message


def test_few_units_that_all_signals_pass_are_an_error():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    net[0].weight.data.abs_().neg_()
    case = classification(net)
    report = steadygrad.check(net, case.inputs.abs() + 0.1, case.targets, loss_fn=case.loss_fn, select=["A102"])
    assert [f.severity for f in report.findings] == ["error"]
