"""Random weights frozen before those that train; what is beside or behind them, or learned, is not reported."""

import pytest
import torch
from torch import nn

from steadygrad.door import check
from steadygrad.rules.catalog.frozen_at_random import _body, _default, _trained
from steadygrad.rules.specimens import batch, classification, mlp


def found(case) -> list[tuple[str, str]]:
    return [(f.severity, f.where) for f in check(case, select=("S107",)).findings]


def test_the_numbers_are_said() -> None:
    (finding,) = check(classification(_body(_default())), select=("S107",)).findings
    assert finding.evidence["count"] == 2 and finding.evidence["weights"] == 3 and finding.evidence["laws"] == ["torch_default"]
    assert finding.evidence["share"] == pytest.approx((16 * 64 + 64 * 64) / (16 * 64 + 64 * 64 + 64 * 4))


def test_a_small_part_is_not_reported() -> None:
    net = mlp(16, 16, 16, 256, 4)
    net[:4].requires_grad_(False)
    assert found(classification(net)) == []


def test_a_random_network_beside_what_trains_is_not_reported() -> None:
    class Distilled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.student, self.random = mlp(16, 32, 4), mlp(16, 64, 64, 4, seed=3).requires_grad_(False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.student(x) - self.random(x)

    assert found(classification(Distilled())) == []


def test_a_bias_that_moved_is_a_sign_of_learning() -> None:
    net = mlp(16, 64, 64, 4)
    for layer in (net[0], net[2]):
        layer.bias.data.copy_(0.01 * batch(64))
    assert found(classification(_body(net))) == []


def test_a_reservoir_is_not_reported() -> None:
    class Reservoir(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.readout = nn.RNN(16, 64, batch_first=True), nn.Linear(64, 4)
            self.rnn.requires_grad_(False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.readout(self.rnn(x)[0][:, -1])

    torch.manual_seed(0)
    assert found(classification(Reservoir(), batch(64, 5, 16))) == []


@pytest.mark.parametrize("seed", range(5))
def test_three_small_steps_are_seen(seed: int) -> None:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    assert found(_trained(net)) == []
