"""Tables against the quadrature they are made of, and against sums over a grid."""

import numpy as np
import pytest

from steadygrad.theory import activations, gaussian
from steadygrad.theory.moment_table import MomentTable, table

NAMES = ["relu", "leaky_relu", "tanh", "gelu", "silu", "sigmoid", "elu", "softplus", "hardtanh"]


@pytest.mark.parametrize("name", NAMES)
def test_second_and_slope_are_those_of_quadrature(name: str) -> None:
    phi, q = activations.get(name), np.array([3e-4, 0.013, 0.37, 1.0, 2.9, 41.0])
    made = table(phi)
    np.testing.assert_allclose(made.second(q), [gaussian.second_moment(phi, x) for x in q], rtol=2e-3)
    np.testing.assert_allclose(made.slope(q), [gaussian.slope_moment(phi, x) for x in q], rtol=2e-3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("c", [-0.6, 0.0, 0.3, 0.9, 1.0])
def test_correlations_are_those_of_quadrature(name: str, c: float) -> None:
    phi, q = activations.get(name), 1.0
    made = table(phi)
    assert made.correlation(q, c) == pytest.approx(gaussian.covariance(phi, q, c) / gaussian.second_moment(phi, q), abs=2e-3)
    # relu's slope jumps: its series falls off as k^(-3/2), and what is left at degree 64 stands for all beyond
    assert made.slope_correlation(q, c) == pytest.approx(gaussian.slope_covariance(phi, q, c) / gaussian.slope_moment(phi, q), abs=8e-3)


def test_far_out_the_last_power_law_goes_on() -> None:
    made = table(activations.get("tanh"))
    assert made.second(np.array([1e-20]))[0] == pytest.approx(1e-20, rel=1e-3)  # tanh x = x
    assert made.second(np.array([1e12]))[0] == pytest.approx(1.0, rel=1e-2)


@pytest.mark.parametrize("mean", [0.3, -0.3])
@pytest.mark.parametrize("name", ["relu", "gelu", "tanh"])
def test_offsets_agree_with_sampling(name: str, mean: float) -> None:
    phi, q = activations.get(name), 2.0
    rng = np.random.default_rng(0)
    x = np.sign(mean) * np.sqrt(abs(mean) * q) + np.sqrt((1 - abs(mean)) * q) * rng.standard_normal(400_000)
    second, share = MomentTable(phi).offset(np.array([q]), mean)
    values = phi.phi(x)
    error = values.var() ** 0.5 * 4 / 400_000**0.5 * max(np.abs(values).mean(), 1.0) * 4
    assert second[0] == pytest.approx((values**2).mean(), abs=max(error, 2e-2))
    assert share == pytest.approx(values.mean() ** 2 / (values**2).mean(), abs=0.02)
    slopes = phi.derivative(x) ** 2
    assert MomentTable(phi).offset_slope(np.array([q]), mean)[0] == pytest.approx(slopes.mean(), abs=0.01)


def test_below_a_maximum_slopes_are_those_of_the_largest() -> None:
    rng = np.random.default_rng(1)
    phi = activations.get("gelu")
    largest = rng.standard_normal((200_000, 9)).max(1)
    expected = (phi.derivative(np.sqrt(2.0) * largest) ** 2).mean()
    assert MomentTable(phi).slope_of_largest(np.array([2.0]), 9)[0] == pytest.approx(expected, rel=0.01)
