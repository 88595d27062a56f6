"""The end-to-end spectrum: closed form, S-transform and sampled networks."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations, maps
from steadygrad.theory.jacobian_spectrum import gaussian_edge, jacobian_spectrum

MOMENTS = [(name, orthogonal) for name in ("relu", "tanh", "hardtanh", "gelu", "identity") for orthogonal in (False, True)]


@pytest.mark.parametrize(("name", "orthogonal"), MOMENTS)
def test_the_second_moment_is_the_variance(name: str, orthogonal: bool) -> None:
    """Two roads: the closed form, and m₂ − 1 from S-transforms."""
    for depth in (1, 5, 64):
        found = jacobian_spectrum(activations.get(name), 1.3, 0.4, depth=depth, orthogonal=orthogonal)
        assert found.relative_moments[0] == pytest.approx(1.0, rel=1e-10)
        assert found.relative_moments[1] - 1.0 == pytest.approx(found.relative_variance, rel=1e-10, abs=1e-10)


def test_relu_in_closed_form() -> None:
    """Orthogonal ReLU layers: D² is half zeros, half ones, so after 1 layer every relative moment is 2^{k−1}."""
    assert jacobian_spectrum(activations.get("relu"), 2.0, depth=1, orthogonal=True).relative_moments == pytest.approx([1.0, 2.0, 4.0, 8.0])
    assert jacobian_spectrum(activations.get("relu"), 2.0, depth=10_000).relative_variance == pytest.approx(20_000.0)


def test_hardtanh_slopes_are_bernoulli() -> None:
    """μ_k = P(|√q z| < 1) = erf(1/√(2q)) for every k: relative variance L·(1/p − 1)."""
    share = math.erf(1.0 / math.sqrt(2.0 * 0.5))
    found = jacobian_spectrum(activations.get("hardtanh"), 1.0, 0.5, depth=7, orthogonal=True)
    assert found.relative_variance == pytest.approx(7.0 * (1.0 / share - 1.0), rel=1e-12)


def test_depth_that_leaves_float64() -> None:
    deep = jacobian_spectrum(activations.get("tanh"), 3.0, 1.4, depth=100_000)
    assert deep.mean == math.inf and deep.log_mean == pytest.approx(100_000 * math.log(maps.chi_1(activations.get("tanh"), 3.0, q=1.4)))
    assert jacobian_spectrum(activations.get("tanh"), 0.0, 0.5, depth=2).mean == 0.0


@pytest.mark.parametrize(("name", "q", "orthogonal"), [("relu", 1.0, False), ("relu", 1.0, True), ("tanh", 0.25, False), ("tanh", 0.25, True)])
def test_sampled_networks(name: str, q: float, orthogonal: bool) -> None:
    """Width 200, 6 layers, 6 networks: mean and variance of eig(JJᵀ) within five standard errors of the networks' spread,
    and 4·L/n for finite width (κ = 5 fluctuations of norms for Gaussian ReLU layers shift the variance by about that).
    """
    rng, n, depth, networks = np.random.default_rng(11), 200, 6, 6
    phi = activations.get(name)
    weight, bias, _ = maps.critical_point(phi, q)
    expected = jacobian_spectrum(phi, weight, q, depth=depth, orthogonal=orthogonal)
    means, variances = [], []
    for _ in range(networks):
        h, jacobian = rng.normal(scale=math.sqrt(q), size=n), np.eye(n)
        for _ in range(depth):
            draw = rng.normal(size=(n, n))
            weights = math.sqrt(weight) * (np.linalg.qr(draw)[0] if orthogonal else draw / math.sqrt(n))
            jacobian = weights @ (phi.derivative(h)[:, None] * jacobian)
            h = weights @ phi.phi(h) + rng.normal(scale=math.sqrt(max(bias, 0.0)), size=n)
        eigenvalues = np.linalg.svd(jacobian, compute_uv=False) ** 2
        means.append(eigenvalues.mean())
        variances.append(eigenvalues.var() / eigenvalues.mean() ** 2)
    assert np.mean(means) == pytest.approx(expected.mean, abs=5.0 * np.std(means) / math.sqrt(networks) + 4.0 * depth / n)
    slack = 5.0 * np.std(variances) / math.sqrt(networks) + 4.0 * depth / n * expected.relative_variance
    assert np.mean(variances) == pytest.approx(expected.relative_variance, abs=slack)


def test_largest_singular_value_of_a_gaussian_product() -> None:
    """Edges are met to n^{-2/3} at width n, from below or above: 5·400^{-2/3} = 0.09."""
    rng, n, product = np.random.default_rng(2), 400, np.eye(400)
    for _ in range(3):
        product = rng.normal(scale=n**-0.5, size=(n, n)) @ product
    assert np.linalg.norm(product, 2) ** 2 == pytest.approx(gaussian_edge(3), rel=5.0 * n ** (-2.0 / 3.0))


def test_bad_arguments() -> None:
    relu = activations.get("relu")
    with pytest.raises(InputError, match="`depth` must be .* got 0"):
        jacobian_spectrum(relu, 2.0, depth=0)
    with pytest.raises(InputError, match="got -1.0 and 0.0"):
        jacobian_spectrum(relu, -1.0, depth=1)
    with pytest.raises(InputError, match="`orders` must be at least 2, got 1"):
        jacobian_spectrum(relu, 2.0, depth=1, orders=1)
    with pytest.raises(InputError, match="must have a slope at q = 0, got E"):
        jacobian_spectrum(activations.get("hardshrink"), 2.0, 0.0, depth=1)
    with pytest.raises(InputError, match="`depth` must be .* got -1"):
        gaussian_edge(-1)
