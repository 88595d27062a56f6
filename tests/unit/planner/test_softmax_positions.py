"""A softmax over positions does not see what all positions have in common."""

import torch
from torch import nn

import steadygrad as sg

UNITS, PLACES = 64, 96


class Weighed(nn.Module):
    """Positions of each unit are weighed by a softmax over them; an offset per unit, as state space models have one, changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.scores, self.out = nn.Conv1d(48, UNITS, 1), nn.Conv1d(UNITS, 8, 1)
        self.offset = nn.Parameter(torch.empty(UNITS, 1).uniform_(1.0, 16.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out((self.scores(x) + self.offset).softmax(-1))


def test_an_offset_per_unit() -> None:
    torch.manual_seed(0)
    net, x = Weighed(), torch.randn(16, 48, PLACES)
    plan = sg.plan(net, x, keep=["offset"])
    plan.apply_(net)
    with torch.no_grad():
        weights = (net.scores(x) + net.offset).softmax(-1)
    assert float(weights.square().sum(-1).mean()) < 0.1  # nearly even, though offsets differ by far more than logits
    made = next(layer for layer in plan.verify(net, x).layers if layer.where.startswith("out"))
    assert 0.5 < made.measured_q / made.q < 2.0
