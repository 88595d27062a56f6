"""ReLU behind ReLU in residual streams, and maxima in front of norms: gradients as predicted."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.graph.ops.activation import _lift
from steadygrad.graph.ops.flow import Signal
from steadygrad.graph.ops.movement import risen
from steadygrad.lab.plain import gaussian


class Block(nn.Module):
    """ReLU(x + BN(conv(x))), or the projected x, the last γ zero or one."""

    def __init__(self, inputs: int, outputs: int, gamma: float) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
        nn.init.constant_(self.norm.weight, gamma)
        self.project = nn.Identity() if inputs == outputs else nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.project(x) + self.norm(self.conv(x)))


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_gradients_through_residual_stages(gamma: float) -> None:
    torch.manual_seed(0)
    stem = [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)]
    stages = [Block(32, 32, gamma), Block(32, 32, gamma), Block(32, 64, gamma), Block(64, 64, gamma), Block(64, 96, gamma)]
    model = nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10))
    x = torch.randn(16, 3, 16, 16)
    plan = sg.plan(model, x, keep=[r"norm\.weight"])
    plan.apply_(model)
    found = plan.verify(model, x)
    # six weighted layers deep, each with channels ≥ 32 averaged over many positions: relative error per layer below √(5/32), and the walk √6 of it
    assert found.worst_gradient < math.exp(math.sqrt(6 * 5.0 / 32) / 2.0 + 0.25), str(found)


@pytest.mark.parametrize("above", [0.2, 0.5, 0.8, 1.0])
def test_the_lift_of_a_masked_gradient(above: float) -> None:
    g, f = gaussian(400_000, name="g", seed=0) * math.sqrt(2.0 * above), gaussian(400_000, name="f", seed=0) * math.sqrt(1.0 - above)
    passed = torch.relu(g) + f > 0.0
    share = float((g[passed] > 0.0).double().mean())
    assert _lift(np.ones(1), above) == pytest.approx(2.0 * share, abs=2 * 4 * 0.5 / math.sqrt(float(passed.sum())))


@pytest.mark.parametrize("count", [2, 4, 9])
@pytest.mark.parametrize("rectified", [True, False])
def test_the_mean_of_a_maximum(count: int, rectified: bool) -> None:
    drawn = gaussian(400_000 // count, count, name="x", seed=count)
    one = torch.relu(drawn) if rectified else drawn
    largest = one.amax(1)
    ratio = float(largest.square().mean() / one.square().mean())
    share = 1.0 / math.pi if rectified else 0.0
    made = risen(Signal(np.ones(1), share, share, share, 1.0 if rectified else 0.0), ratio)
    exact = float(largest.mean() ** 2 / largest.square().mean())
    # the ratio is known to 4·√(2/n), and d(share)/d(log ratio) < 1; the grid of m adds 1e-3
    assert made.mean == pytest.approx(exact, abs=4 * math.sqrt(2.0 * count / 400_000) + 2e-3)
    assert made.c >= made.mean - 1e-9 and float(made.q[0]) == ratio
    assert risen(Signal(np.ones(1), share, 0.5, 0.5, float(rectified)), 0.7).mean == share
