"""Whitening and the probability integral transform."""

import numpy as np
import pytest
import torch
from scipy import linalg, stats

from steadygrad.errors import InputError
from steadygrad.normalization import functional as N
from steadygrad.normalization import layers as L


def spread(d: int, kappa: float, seed: int = 0) -> torch.Tensor:
    """A covariance with eigenvalues from 1 to 1/kappa."""
    q = torch.linalg.qr(torch.randn(d, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).Q
    return q @ torch.diag(torch.logspace(0, -float(np.log10(kappa)), d, dtype=torch.float64)) @ q.T


@pytest.mark.parametrize(("d", "kappa"), [(8, 1.0), (64, 10.0), (8, 100.0), (64, 1e4)])
def test_inverse_root_is_scipys_and_stays_so(d: int, kappa: float) -> None:
    """The one-matrix form reached 2.5e8 at 15 steps for κ = 1e4 and 4.6 for κ = 100, d = 8; the coupled one stays put."""
    sigma = spread(d, kappa)
    expected = linalg.inv(linalg.sqrtm(sigma.numpy()))
    for steps in (24, 30, 60):
        got = N.inverse_root(sigma, steps).numpy()
        assert np.abs(got - expected).max() <= 100 * kappa * d * 2.2e-16 * np.abs(expected).max()
        residual = np.linalg.norm(got @ sigma.numpy() @ got - np.eye(d), 2)
        assert residual <= 100 * kappa * d * 2.2e-16


def test_the_one_matrix_form_diverges_which_is_why_we_do_not_use_it() -> None:
    sigma = spread(64, 1e4)
    p = torch.eye(64, dtype=torch.float64)
    s = sigma / sigma.trace()
    for _ in range(40):
        p = 1.5 * p - 0.5 * p @ p @ p @ s
    assert not (p.isfinite().all() and torch.linalg.matrix_norm(p @ s @ p - torch.eye(64), 2) < 1)


def test_gradient_where_eigenvalues_meet_is_finite() -> None:
    """Whitening by eigenvectors divides by λ_i − λ_j: NaN for the identity."""
    sigma = torch.eye(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: N.inverse_root((s + s.T) / 2), sigma)
    values, vectors = torch.linalg.eigh(sigma)
    (by_eigenvectors,) = torch.autograd.grad((vectors @ torch.diag(values**-0.5) @ vectors.T).sum(), sigma)
    assert not by_eigenvectors.isfinite().all()


@pytest.mark.parametrize("group_size", [None, 2, 3])
def test_whitened_covariance_is_the_identity_in_groups(group_size: int | None) -> None:
    """IterNorm's code crashes with more than one group."""
    layer = L.IterativeWhitening(6, group_size, steps=20, eps=1e-9).double()
    x = torch.randn(200, 6, 2, generator=torch.Generator().manual_seed(0)).double() @ torch.randn(2, 2).double()
    x = torch.einsum("ncl,dc->ndl", x, spread(6, 9.0)) + 3
    y = layer(x)
    flat = y.transpose(0, 1).reshape(6, -1).detach()
    covariance = flat @ flat.T / flat.shape[1]
    size = group_size or 6
    for g in range(6 // size):
        block = covariance[g * size : (g + 1) * size, g * size : (g + 1) * size]
        # eps over the smallest eigenvalue, which is above 1e-3 here
        assert (block - torch.eye(size)).abs().max() < 1e-5
    assert flat.mean(1).abs().max() < 1e-10
    if size < 6:
        assert (covariance - torch.block_diag(*[torch.eye(size)] * (6 // size))).abs().max() > 1e-2


def test_running_covariance_is_averaged_not_its_root() -> None:
    layer = L.IterativeWhitening(2, momentum=None, steps=25, eps=1e-12, affine=False).double()
    parts = [torch.randn(50, 2, generator=torch.Generator().manual_seed(i)).double() * scale for i, scale in enumerate([1.0, 10.0])]
    for part in parts:
        layer(part)
    mean_covariance = np.mean([np.cov(p.numpy().T) for p in parts], 0)
    np.testing.assert_allclose(layer.running_covariance[0], mean_covariance, rtol=1e-12)
    x = parts[0]
    expected = (x.numpy() - layer.running_mean.numpy()) @ linalg.inv(linalg.sqrtm(mean_covariance))
    np.testing.assert_allclose(layer.eval()(x), expected, rtol=1e-9)


def test_shrinkage_makes_fewer_samples_than_channels_harmless() -> None:
    """At n ≤ d the sample covariance is singular; the oracle approximating shrinkage is scikit-learn's formula."""
    x = torch.randn(8, 16, generator=torch.Generator().manual_seed(0)).double()
    centred = (x - x.mean(0)).numpy()
    from sklearn.covariance import oas

    _, rho = oas(centred, assume_centered=True)
    covariance = torch.as_tensor(centred.T @ centred / 8)
    got = float(N.oracle_shrinkage(covariance, 8))
    # the paper's eq. 23; scikit-learn drops the 2/d terms of the numerator, which matter at order 1/d
    d, n, squared, trace2 = 16, 8, float(covariance.square().sum()), float(covariance.trace()) ** 2
    assert got == pytest.approx(min(1.0, ((1 - 2 / d) * squared + trace2) / ((n + 1 - 2 / d) * (squared - trace2 / d))), rel=1e-12)
    assert abs(got - rho) < 2 / d
    y = L.IterativeWhitening(16, shrinkage=None, steps=20).double()(x)
    assert y.isfinite().all() and y.abs().max() < 20
    no_shrinkage = N.iterative_whitening(x, eps=1e-9, steps=40)
    assert no_shrinkage.isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: L.IterativeWhitening(6, 4), "groups must divide the channels, got 4"),
        (lambda: L.IterativeWhitening(6, shrinkage=1.5), r"`shrinkage` must lie in \[0, 1\].*got 1.5"),
        (lambda: L.IterativeWhitening(6)(torch.ones(1, 6)), "needs more than 1 value per statistic, got 1"),
        (lambda: N.inverse_root(torch.ones(2, 3)), r"square matrices .*got shape \(2, 3\)"),
        (lambda: N.inverse_root(torch.eye(2), 0), "`steps` must be a whole number ≥ 1, got 0"),
        (lambda: L.ProbabilityNorm(3, "normal"), "`target` must be one of .*got 'normal'"),
        (lambda: L.ProbabilityNorm(3, points=1), "points of the table.* got 1"),
        (lambda: L.ProbabilityNorm(3)(torch.ones(1, 3)), "needs more than 1 value per statistic, got 1"),
    ],
)
def test_errors(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_quantiles_are_numpys() -> None:
    x = torch.randn(37, 3, generator=torch.Generator().manual_seed(0)).double()
    np.testing.assert_allclose(N.batch_quantiles(x, 9), np.quantile(x.numpy(), np.linspace(0, 1, 9), axis=0), rtol=1e-12)
    assert torch.autograd.gradcheck(lambda z: N.batch_quantiles(z, 5), x[:7].clone().requires_grad_())


@pytest.mark.parametrize("target", ["uniform", "gaussian"])
def test_the_result_has_the_wanted_distribution(target: str) -> None:
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)).double().exp()  # log-normal: skewed
    law = stats.uniform() if target == "uniform" else stats.norm()
    layer = L.ProbabilityNorm(2, target, points=257).double()
    for y in (layer(x), layer.eval()(x)):
        for c in range(2):
            # the table is exact at 257 points; between them at most 1/256 of the mass moves
            assert stats.kstest(y[:, c].detach().numpy(), law.cdf).statistic < 1 / 256 + 1 / 2000


def test_ranks_would_give_no_gradient_and_ours_gives_the_density() -> None:
    """Inside a cell the slope is 1/((points − 1)·width); scikit-learn's and other rank maps have none."""
    table = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    x = torch.tensor([[0.5], [2.0], [2.5]], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(N.through_quantiles(x, table).sum(), x)
    torch.testing.assert_close(grad, torch.tensor([[0.5], [0.25], [0.25]]).double(), rtol=1e-14, atol=0)


def test_ties_go_to_their_middle_and_outliers_are_clipped() -> None:
    table = torch.tensor([[0.0], [1.0], [1.0], [1.0], [2.0]], dtype=torch.float64)
    y = N.through_quantiles(torch.tensor([[1.0], [-50.0], [50.0], [0.5]]).double(), table, clip=0.01)
    torch.testing.assert_close(y, torch.tensor([[0.5], [0.01], [0.99], [0.125]], dtype=torch.float64), rtol=1e-12, atol=0)
    constant = N.probability_transform(torch.ones(6, 2).requires_grad_())
    assert constant.isfinite().all() and constant.abs().max() < 1e-6


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_constant_input_is_whitened_to_finite_zeros(value: float) -> None:
    """Covariance 0: other whitenings divide by its trace, or by eigenvalues that rounding made negative (bhneo/decorrelated_bn#1)."""
    x = torch.full((8, 4, 2), value, requires_grad=True)
    for shrinkage in (0.0, None):
        y = L.IterativeWhitening(4, shrinkage=shrinkage)(x)
        (grad,) = torch.autograd.grad(y.sum(), x)
        assert y.abs().max() < 1e-3 and grad.isfinite().all()
