"""Measured q, c and χ beside the predicted ones."""

import math

import pytest
import torch
from torch import nn

from steadygrad.lab.plain import gaussian, plain
from steadygrad.measured import signals
from steadygrad.schemes import lecun_normal

WIDTH, DEPTH = 1024, 6


@pytest.mark.parametrize(("activation", "gain"), [(nn.ReLU, math.sqrt(2.0)), (nn.Tanh, 1.4), (nn.GELU, 1.5)])
def test_wide_networks_follow_the_maps(activation: type[nn.Module], gain: float) -> None:
    model = plain([64, *[WIDTH] * DEPTH], activation, lecun_normal(), seed=0, gain=gain)
    x = gaussian(6, 64, name="x", seed=0, dtype=torch.float32)
    x = x / x.square().mean(1, keepdim=True).sqrt()  # equal lengths: the map of the mean is the mean of the maps
    rows = signals(model, x)
    assert len(rows) == DEPTH and rows[0].reason == "the first layer" and rows[0].q_predicted is None
    for layer, row in enumerate(rows[1:], 1):
        error = 4 * math.sqrt(5.0 * layer / WIDTH)  # Σ of the layers' relative variances, at most 5/n each
        assert row.q_predicted is not None and row.chi_predicted is not None and row.c is not None and row.c_predicted is not None and row.chi is not None
        assert row.q == pytest.approx(row.q_predicted, rel=error)
        assert row.chi == pytest.approx(row.chi_predicted, rel=error)
        assert abs(row.c - row.c_predicted) < 4 * math.sqrt(layer / WIDTH) + 4 / math.sqrt(15 * WIDTH)


def test_a_wrong_prediction_would_be_seen() -> None:
    model = plain([64, WIDTH, WIDTH], nn.ReLU, lecun_normal(), seed=0, gain=math.sqrt(2.0))
    row = signals(model, gaussian(6, 64, name="x", seed=0, dtype=torch.float32))[1]
    assert row.q_predicted is not None and row.q / row.q_predicted == pytest.approx(1.0, abs=0.3)
    model[1] = nn.Tanh()
    other = signals(model, gaussian(6, 64, name="x", seed=0, dtype=torch.float32))[1]
    assert other.q_predicted is not None and other.q_predicted < 0.8 * row.q_predicted and other.q / other.q_predicted == pytest.approx(1.0, abs=0.3)


def test_reasons_and_the_model_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Softmin(dim=1), nn.Flatten(), nn.Linear(16, 2))
    nn.utils.parametrizations.weight_norm(model[6])
    buffer = model[1].running_mean.clone()
    rows = signals(model, torch.randn(3, 1, 6, 6))
    assert [row.where for row in rows] == ["0", "3", "6"] and rows[1].reason == "behind `batch_norm`" and rows[2].q_predicted is None
    assert torch.equal(model[1].running_mean, buffer) and all(p.grad is None for p in model.parameters())
    assert signals(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), torch.randn(1, 2))[1].c is None
