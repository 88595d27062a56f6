"""The share of its state that a recurrence hands on, against other roads to the same number."""

import math

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.recurrent_memory import PROBES, STEPS, growth

ROUNDING = STEPS * 64 * 2.0**-23
"""Relative error of 32 products with a 64 × 64 matrix in float32, none of them cancelling."""


def test_rotations_keep_all_and_multiples_their_factor() -> None:
    generator = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(64, 64, generator=generator)).Q
    assert growth(rotation) == pytest.approx(1.0, rel=ROUNDING)
    assert growth(0.3 * rotation) == pytest.approx(0.3, rel=ROUNDING)
    assert growth(torch.eye(64) * 1e-3) == pytest.approx(1e-3, rel=ROUNDING)


def test_a_shift_register_forgets_everything() -> None:
    assert growth(torch.diag(torch.ones(15), 1)) == 0.0  # 16 places, 32 steps
    assert growth(torch.zeros(8, 8)) == 0.0


@pytest.mark.parametrize("size", [32, 256])
def test_random_matrix_against_its_power_and_against_theory(size: int) -> None:
    weight = 0.02 * torch.randn(size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    signs = torch.randint(0, 2, (size, PROBES), generator=torch.Generator().manual_seed(0)).double() * 2.0 - 1.0
    by_power = float((torch.linalg.matrix_power(weight, STEPS) @ signs).norm() / signs.norm()) ** (1.0 / STEPS)
    assert growth(weight) == pytest.approx(by_power, rel=1e-9)
    # each step multiplies by σ√n(1 ± 1/√(2n)) at most, were the steps all off to the same side
    assert growth(weight) == pytest.approx(0.02 * math.sqrt(size), rel=3.0 / math.sqrt(2.0 * size))


class _Last(nn.Module):
    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0][:, -1]


def kept(rnn: nn.Module, name: str) -> float | None:
    return observe(Case(_Last(rnn), torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0)))).parameters[name].kept


@pytest.mark.parametrize(("kind", "start"), [(nn.LSTM, 16), (nn.GRU, 16)])
def test_gates_are_read_where_torch_keeps_them(kind: type[nn.Module], start: int) -> None:
    rnn = kind(8, 16, num_layers=2, batch_first=True)
    with torch.no_grad():
        for name, bias in rnn.named_parameters():
            if "bias" in name:
                bias.zero_()
        rnn.bias_ih_l1[start : start + 16] = 1.5
        rnn.bias_hh_l1[start : start + 16] = 0.5
    assert kept(rnn, "rnn.weight_hh_l0") == pytest.approx(0.5)
    assert kept(rnn, "rnn.weight_hh_l1") == pytest.approx(1.0 / (1.0 + math.exp(-2.0)), rel=1e-6)
    assert kept(rnn, "rnn.weight_ih_l1") is None


def test_without_biases_gates_are_half_open_and_a_plain_recurrence_needs_none() -> None:
    assert kept(nn.LSTM(8, 16, bias=False, batch_first=True), "rnn.weight_hh_l0") == 0.5
    rnn = nn.RNN(8, 16, bias=False, batch_first=True, bidirectional=True)
    assert kept(rnn, "rnn.weight_hh_l0_reverse") == pytest.approx(growth(rnn.weight_hh_l0_reverse.detach()))
    with torch.no_grad():
        rnn.weight_hh_l0[0, 0] = math.inf
    assert kept(rnn, "rnn.weight_hh_l0") is None


def test_measuring_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    growth(torch.eye(8))
    assert torch.equal(before, torch.get_rng_state())
