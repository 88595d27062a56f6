"""Whitening: the whole covariance becomes the identity, by an inverse root that autograd can go through safely."""

import torch

from steadygrad.errors import InputError
from steadygrad.normalization.functional.batch import scale_and_shift
from steadygrad.normalization.validate import count, divides, fraction, positive, several, signal


def inverse_root(covariance: torch.Tensor, steps: int = 12) -> torch.Tensor:
    """Σ^(−1/2) of (…, d, d) symmetric positive definite matrices by coupled Newton-Schulz steps.

    Y₀ = Σ/‖Σ‖_F, Z₀ = I; T = (3I − Z·Y)/2, Y ← Y·T, Z ← T·Z; the result is Z/√‖Σ‖_F. The coupled form corrects its own
    rounding; the one-matrix form P ← (3P − P³Σ)/2 of IterNorm's code does not, and diverges after enough steps. No
    eigenvectors, so no infinite gradients where eigenvalues meet. An eigenvalue λ grows by 9/4 a step until it is there:
    steps ≈ ln(κ·√d)/ln(9/4) + 4 for condition number κ.

    Raises:
        InputError: not square matrices, or no steps.

    Source: Higham 2008, Functions of Matrices, eq. 6.35; Lin & Maji 2017, arXiv:1707.06772; Huang et al. 2019,
    arXiv:1904.03441 (IterNorm).
    """
    count("inverse_root", "steps", steps)
    if covariance.ndim < 2 or covariance.shape[-1] != covariance.shape[-2]:
        raise InputError(f"inverse_root: needs square matrices (…, d, d), got shape {tuple(covariance.shape)}")
    size = torch.linalg.matrix_norm(covariance, keepdim=True)
    eye = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device).expand_as(covariance)
    y, z = covariance / size, eye
    for _ in range(steps):
        t = 1.5 * eye - 0.5 * (z @ y)
        y, z = y @ t, t @ z
    return z * size.rsqrt()


def shrunk(covariance: torch.Tensor, shrinkage: float | torch.Tensor, eps: float) -> torch.Tensor:
    """(1 − s)·Σ + s·(tr Σ/d)·I + eps·I: eigenvalues drawn towards their mean, none below eps."""
    d = covariance.shape[-1]
    eye = torch.eye(d, dtype=covariance.dtype, device=covariance.device)
    mean = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    return (1 - shrinkage) * covariance + (shrinkage * mean + eps) * eye


def oracle_shrinkage(covariance: torch.Tensor, n: int) -> torch.Tensor:
    """Shrinkage in [0, 1] for a covariance (…, d, d) of n samples, by the oracle approximating formula, without gradient.

    ρ = ((1 − 2/d)·tr Σ² + tr² Σ) / ((n + 1 − 2/d)·(tr Σ² − tr² Σ/d)). At n ≈ d the sample covariance is singular
    (Marchenko-Pastur) and cannot be whitened without.

    Source: Chen, Wiesel, Eldar & Hero 2010, IEEE TSP 58(10), eq. 23.
    """
    with torch.no_grad():
        d = covariance.shape[-1]
        squared = covariance.square().sum((-2, -1))
        trace2 = covariance.diagonal(dim1=-2, dim2=-1).sum(-1).square()
        rho = ((1 - 2 / d) * squared + trace2) / ((n + 1 - 2 / d) * (squared - trace2 / d).clamp(min=torch.finfo(covariance.dtype).tiny))
        return rho.clamp(0.0, 1.0)[..., None, None]


def covariance_of(x: torch.Tensor, groups: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean (C,), covariance (groups, C/groups, C/groups), biased) of x (N, C, …) over all but channels."""
    flat = x.transpose(0, 1).reshape(x.shape[1], -1)
    mean = flat.mean(1)
    grouped = (flat - mean[:, None]).view(groups, -1, flat.shape[1])
    return mean, grouped @ grouped.transpose(-1, -2) / flat.shape[1]


def whiten(x: torch.Tensor, mean: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """root·(x − mean), `root` (groups, d, d) acting on each group of channels."""
    flat = x.transpose(0, 1).reshape(x.shape[1], -1) - mean[:, None]
    done = (root @ flat.view(root.shape[0], root.shape[1], -1)).reshape(x.shape[1], x.shape[0], *x.shape[2:])
    return done.transpose(0, 1)


def iterative_whitening(
    x: torch.Tensor, groups: int = 1, steps: int = 12, shrinkage: float | None = 0.0, eps: float = 1e-5,
    weight: torch.Tensor | None = None, bias: torch.Tensor | None = None,
) -> torch.Tensor:  # fmt: skip
    """γ·Σ^(−1/2)(x − μ) + β by statistics of the batch x (N, C, …), in groups of C/groups channels (ZCA, decorrelated BN).

    `shrinkage` None takes the oracle approximating one. The symmetric root is the whitening nearest to x; roots from
    sorted eigenvectors would swap axes from batch to batch.

    Raises:
        InputError: groups do not divide C; shrinkage outside [0, 1]; eps ≤ 0; one value per channel.

    Source: Huang et al. 2018, arXiv:1804.08450 (DBN), eq. 4; Huang et al. 2019, arXiv:1904.03441, algorithm 1.
    """
    signal("iterative_whitening", x)
    positive("iterative_whitening", "eps", eps)
    fraction("iterative_whitening", "shrinkage", shrinkage)
    divides("iterative_whitening", groups, x.shape[1])
    n = x.numel() // x.shape[1]
    several("iterative_whitening", n, x.shape)
    mean, covariance = covariance_of(x, groups)
    s = oracle_shrinkage(covariance, n) if shrinkage is None else shrinkage
    return scale_and_shift(whiten(x, mean, inverse_root(shrunk(covariance, s, eps), steps)), weight, bias)
