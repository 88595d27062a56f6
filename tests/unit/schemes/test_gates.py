"""Gate biases in real recurrent layers, and the time scales they promise."""

import numpy as np
import pytest
import torch

from steadygrad import schemes
from steadygrad.errors import InputError
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans
from steadygrad.schemes import Scheme

ONE = Fans(1.0, 1.0)


def biases(scheme: Scheme, length: int) -> np.ndarray:
    return draw(scheme.law(ONE), (length,), "float64", name="bias")


def test_forget_bias_keeps_an_lstm_s_cell() -> None:
    """With zero weights and inputs the cell of torch's LSTM decays by σ(value) a step, and a GRU's state too."""
    lstm, gru = torch.nn.LSTM(3, 5), torch.nn.GRU(3, 5)
    for layer, gates in ((lstm, "ifgo"), (gru, "rzn")):
        for name, parameter in layer.named_parameters():
            filled = biases(schemes.forget_bias(2.0, gates), len(parameter)) if name == "bias_ih_l0" else np.zeros(parameter.shape)
            parameter.data = torch.from_numpy(np.asarray(filled, np.float32))
    keep = torch.sigmoid(torch.tensor(2.0))
    _, (_, cell) = lstm(torch.zeros(4, 1, 3), (torch.zeros(1, 1, 5), torch.ones(1, 1, 5)))
    _, state = gru(torch.zeros(4, 1, 3), torch.ones(1, 1, 5))
    assert torch.allclose(cell, keep**4 * torch.ones(5), rtol=1e-5) and torch.allclose(state, keep**4 * torch.ones(5), rtol=1e-5)


def test_chrono_spreads_memory_uniformly() -> None:
    """1 + exp(b_f) is uniform between 2 and t_max: mean and variance within 5 standard errors."""
    units, t_max = 20_000, 784.0
    b = biases(schemes.chrono(t_max), 4 * units).reshape(4, units)
    steps = 1.0 + np.exp(b[1])
    assert steps.min() >= 2.0 and steps.max() <= t_max
    width = t_max - 2.0
    assert np.mean(steps) == pytest.approx(2.0 + width / 2, abs=5 * width / np.sqrt(12 * units))
    assert np.var(steps) == pytest.approx(width**2 / 12, abs=5 * width**2 / np.sqrt(180 * units))
    assert np.array_equal(b[0], -b[1]) and not b[2:].any()


def test_uniform_gate_is_uniform() -> None:
    units = 20_000
    b = biases(schemes.uniform_gate("rz"), 2 * units).reshape(2, units)
    gate = 1.0 / (1.0 + np.exp(-b[1]))
    assert not b[0].any() and gate.min() >= 1.0 / units and gate.max() <= 1.0 - 1.0 / units
    assert np.mean(gate) == pytest.approx(0.5, abs=5 / np.sqrt(12 * units)) and np.var(gate) == pytest.approx(1 / 12, abs=5 / np.sqrt(180 * units))


def test_a_single_unit_has_an_even_gate() -> None:
    assert biases(schemes.uniform_gate("fi"), 2).tolist() == [0.0, 0.0]


def test_bad_gates_and_lengths() -> None:
    with pytest.raises(InputError, match="`gates` of chrono must name a gate f or z that keeps the state, as in 'ifgo' or 'rzn', got 'rn'"):
        schemes.chrono(10.0, "rn")
    with pytest.raises(InputError, match="`t_max` of chrono must be more than 2 steps, got 2.0"):
        schemes.chrono(2.0)
    with pytest.raises(InputError, match=r"`uniform_gate` must be drawn into 4 equal parts of one axis, got shape \(4, 3\)"):
        draw(schemes.uniform_gate().law(ONE), (4, 3), name="b")
