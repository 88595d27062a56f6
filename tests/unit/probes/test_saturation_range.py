"""Saturation is read off outputs only where an output value tells that the slope was flat."""

import numpy as np
import pytest

from steadygrad.probes.meter import saturation_range
from steadygrad.theory import activations

FLAT_BOTH = ("tanh", "sigmoid", "softsign", "hardtanh", "hardsigmoid")
FLAT_LEFT = ("elu", "selu", "celu", "softplus")
NOT_TOLD = ("relu", "leaky_relu", "gelu", "silu", "mish", "hardswish", "tanhshrink", "softshrink")
GRID = np.linspace(-12.0, 12.0, 48001)


@pytest.mark.parametrize("op", [*FLAT_BOTH, *FLAT_LEFT, "relu6", "logsigmoid", *NOT_TOLD])
def test_every_output_beyond_the_range_comes_from_a_flat_place(op: str) -> None:
    phi, (low, high) = activations.get(op), saturation_range(op, ())
    output = phi.phi(GRID)
    beyond = np.zeros(GRID.shape, bool) if low is None else output < low
    beyond |= False if high is None else output > high
    assert np.all(np.abs(phi.derivative(GRID[beyond])) <= 0.0101 * phi.max_slope)


def test_sides() -> None:
    assert all(None not in saturation_range(op, ()) for op in FLAT_BOTH)
    assert all((low is not None, high) == (True, None) for low, high in (saturation_range(op, ()) for op in FLAT_LEFT))
    assert all(saturation_range(op, ()) == (None, None) for op in NOT_TOLD)
    low, high = saturation_range("relu6", ())  # below 0 it is off, which is counted as zeros
    assert low is None and high == pytest.approx(6.0)
