"""Lanczos: what a few products with a symmetric matrix tell about its spectrum.

After m products, T = tridiag(β, α, β) has eigenvalues θ (Ritz values) that lie inside the spectrum, and for each of them
an eigenvalue within β_m|s_m| (s_m: last entry of T's eigenvector). From a random start of norm 1, α₁ and α₁² + β₁² are
unbiased estimates of the mean of the eigenvalues and of their squares.

No vector is kept for re-orthogonalisation: orthogonality is lost only along eigenvectors that have converged, which
adds copies of eigenvalues already found and leaves the extreme ones right.
Source: Paige 1971, thesis, chapter 4; Golub & Meurant 2010, "Matrices, Moments and Quadrature", chapters 4 and 11.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

LEAST = 6
"""Products before a small error bound is believed: early on it may be that of the second eigenvalue."""


@dataclass(frozen=True)
class Ritz:
    """Diagonal and off-diagonal of T; `betas` has as many entries as `alphas`, the last being β_m."""

    alphas: tuple[float, ...]
    betas: tuple[float, ...]

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """Ritz values, ascending, and the error bound β_m|s_m| of each."""
        off = np.array(self.betas[:-1])
        theta, s = np.linalg.eigh(np.diag(self.alphas) + np.diag(off, 1) + np.diag(off, -1))
        return theta, self.betas[-1] * np.abs(s[-1])

    @property
    def top(self) -> float:
        """Largest Ritz value: a lower bound of the largest eigenvalue."""
        return float(self.values()[0][-1])

    @property
    def bottom(self) -> float:
        """Smallest Ritz value: an upper bound of the smallest eigenvalue."""
        return float(self.values()[0][0])

    @property
    def error(self) -> float:
        """Some eigenvalue lies within this distance of `top`."""
        return float(self.values()[1][-1])

    @property
    def first(self) -> float:
        """⟨v, Av⟩ of the start v."""
        return self.alphas[0]

    @property
    def second(self) -> float:
        """‖Av‖² of the start v."""
        return self.alphas[0] ** 2 + self.betas[0] ** 2


def lanczos(multiply: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, steps: int, tolerance: float = 0.01) -> Ritz:
    """At most `steps` products, fewer once the largest Ritz value is known to `tolerance` of itself.

    Args:
        multiply: v ↦ Av for a symmetric A; v is a flat vector.
        start: not zero; need not have norm 1.
        steps: at least 1.
        tolerance: relative error bound of the largest eigenvalue at which to stop.
    """
    v, previous, beta = start / start.norm(), None, 0.0
    alphas: list[float] = []
    betas: list[float] = []
    for _ in range(min(steps, start.numel())):
        w = multiply(v)
        alpha = float(torch.dot(w, v))
        w = w - alpha * v
        if previous is not None:
            w -= beta * previous
        beta = float(w.norm())
        alphas.append(alpha)
        betas.append(beta)
        found = Ritz(tuple(alphas), tuple(betas))
        scale = max(abs(found.top), abs(found.bottom))
        if not np.isfinite(beta) or beta <= 8.0 * torch.finfo(v.dtype).eps * scale or (len(alphas) >= LEAST and found.error <= tolerance * abs(found.top)):
            break
        previous, v = v, w / beta
    return Ritz(tuple(alphas), tuple(betas))


def random_signs(like: torch.Tensor, seed: int) -> torch.Tensor:
    """A flat vector of ±1 as long as `like`: of all random starts the one with the least variance for traces."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (like.numel(),), generator=generator, dtype=torch.int8)
    return (2 * signs - 1).to(device=like.device, dtype=like.dtype)
