"""Fluctuations over seeds against sampled networks and exact chains."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, maps
from steadygrad.theory.finite_width import fluctuation, length_variance, log_variance, mean_square_ratio, relu_log_norm

RELU = activations.get("relu")


def ratios(n: int, depth: int, networks: int) -> np.ndarray:
    """‖y_L‖²/‖y_0‖² of ReLU networks with He weights, all networks at once."""
    rng = np.random.default_rng(0)
    y = np.ones((networks, n))
    for _ in range(depth):
        weights = rng.normal(scale=math.sqrt(2.0 / n), size=(networks, n, n))
        y = np.maximum(np.einsum("bij,bj->bi", weights, y), 0.0)
    return (y**2).sum(axis=1) / n


def test_narrow_relu_networks() -> None:
    """n = 16, L = 6, 4000 networks: E[r] = 1, exact log moments; five standard errors.

    Var of a sample variance is at most (kurtosis − 1)·Var²/N; the log-norm is near Gaussian, so 3/N is ample.
    """
    r, exact = ratios(16, 6, 4000), relu_log_norm([16] * 6)
    assert r.mean() == pytest.approx(1.0, abs=5.0 * r.std() / math.sqrt(4000))
    log = np.log(r[r > 0.0])
    assert len(log) > 3990  # 2⁻¹⁶ per layer and network
    assert log.mean() == pytest.approx(exact.mean, abs=5.0 * math.sqrt(exact.variance / 4000))
    assert log.var() == pytest.approx(exact.variance, rel=5.0 * math.sqrt(3.0 / 4000))
    assert (r**2).mean() == pytest.approx(mean_square_ratio(RELU, [16] * 6), abs=5.0 * (r**2).std() / math.sqrt(4000))


def test_first_order_becomes_exact_with_width() -> None:
    """The next order of ψ, ψ′ and the binomial is κ²/n²."""
    for n in (256, 1024):
        exact = relu_log_norm([n])
        assert exact.variance == pytest.approx(log_variance(RELU, [n]), abs=25.0 / n**2)
        assert exact.mean == pytest.approx(-0.5 * log_variance(RELU, [n]), abs=25.0 / n**2)


def test_fluctuation_in_closed_form() -> None:
    """Leaky ReLU: E[φ⁴]/E[φ²]² = 6(1 + a⁴)/(1 + a²)²; sin: E[sin²] = (1 − e⁻²)/2, E[sin⁴] = (3 − 4e⁻² + e⁻⁸)/8."""
    a = 0.3
    assert fluctuation(activations.get("leaky_relu", negative_slope=a)) == pytest.approx(6.0 * (1 + a**4) / (1 + a**2) ** 2 - 1.0, rel=1e-12)
    second, fourth = (1.0 - math.exp(-2.0)) / 2.0, (3.0 - 4.0 * math.exp(-2.0) + math.exp(-8.0)) / 8.0
    assert fluctuation(activations.get("sin")) == pytest.approx(fourth / second**2 - 1.0, rel=1e-12)


def test_lengths_of_tanh_networks_over_seeds() -> None:
    """Width 64, 20 layers, 3000 chains of the exact conditional law; five standard errors of a variance, and 10/n for
    the neglected order.
    """
    rng, n, tanh, weight, bias = np.random.default_rng(4), 64, activations.get("tanh"), 1.7, 0.05
    q0 = maps.q_star(tanh, weight, bias).q
    q = np.full(3000, q0)
    for _ in range(20):
        q = weight * np.mean(np.tanh(np.sqrt(q)[:, None] * rng.normal(size=(3000, n))) ** 2, axis=1) + bias
    predicted = length_variance(tanh, weight, q0, [n] * 20)
    assert q.var() / q0**2 == pytest.approx(predicted, rel=5.0 * math.sqrt(2.0 / 3000) + 10.0 / n)


def test_homogeneous_lengths_add_their_variances() -> None:
    assert length_variance(RELU, 2.0, 3.0, [50, 100]) == pytest.approx(log_variance(RELU, [50, 100]), rel=1e-12)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"must name at least one layer.* got \[\]"):
        log_variance(RELU, [])
    with pytest.raises(InputError, match="must be asked of a homogeneous activation, got `tanh`"):
        log_variance(activations.get("tanh"), [10])
    with pytest.raises(InputError, match="must pass something at q = 0, got E"):
        fluctuation(RELU, 0.0)
    with pytest.raises(InputError, match=r"each of at least 1 unit, got \[4, 0\]"):
        relu_log_norm([4, 0])
    with pytest.raises(InputError, match=r"whole numbers of units, got \[3.5\]"):
        relu_log_norm([3.5])  # type: ignore[list-item]
    with pytest.raises(InputError, match="`gain` must be finite and positive, got 0.0"):
        relu_log_norm([4], gain=0.0)
    with pytest.raises(InputError, match="got -1.0 and 0.0"):
        length_variance(RELU, -1.0, 1.0, [4])
