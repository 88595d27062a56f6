"""Averages over softmax weights of Gaussian logits, by one integral each."""

from functools import lru_cache
from math import exp, log, log10, sqrt

import numpy as np

from steadygrad.theory.activation import Array

NODES = np.linspace(-8.0, 8.0, 800)
DENSITY = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()
STEP = 0.1  # in log t: integrands are smooth in it
ROWS = 1024  # rows of a causal mask that are looked at, evenly spread
LARGEST = 100.0  # spread from which on all is as at it: one weight has nearly all


def participation(spread: float, size: int, *, causal: bool = False) -> float:
    """E[Σ a²] of a softmax over n independent Gaussian logits of variance `spread`; mean over rows, of which causal ones have 1 … n logits.

    With x = exp(logit), φ_k(t) = E[x^k·exp(−t·x)] and 1/S² = ∫ t·exp(−t·S) dt, which is exact:

        E[Σ a²] = n·∫ t·φ₂(t)·φ₀(t)^(n−1) dt

    Example:
        >>> round(participation(0.0, 4), 3), round(participation(1.0, 49), 3), round(participation(10.0, 49), 2)
        (0.25, 0.05, 0.38)
    """
    return _averages(_step(spread), max(size, 1), causal)[0]


def sensitivity(spread: float, size: int, *, causal: bool = False) -> float:
    """E[Σ aⱼ²·(1 − 2aⱼ + Σ a²)]: what independent gradients g of the weights leave of Σ g² at the logits.

    The Jacobian of softmax is diag(a) − a·aᵀ; Σ a³ and (Σ a²)² as Σ a² in `participation`, with t²/2 and t³/6 in the place of t.

    Example:
        >>> round(sensitivity(0.0, 4), 4), round(sensitivity(10.0, 49), 1)  # (n − 1)/n² of even weights
        (0.1875, 0.1)
    """
    return _averages(_step(spread), max(size, 1), causal)[1]


def _step(spread: float) -> float:
    """The spread to a hundredth of a decade, so that equal questions are asked once."""
    return 10.0 ** round(log10(min(max(spread, 1e-4), LARGEST)), 2)


@lru_cache(maxsize=4096)
def _averages(spread: float, size: int, causal: bool) -> tuple[float, float]:
    t, phi = _transforms(spread, log(size))
    n = np.linspace(1.0, size, min(size, ROWS))[:, None] if causal else np.array([[float(size)]])
    others = np.exp((n - 1.0) * np.log(phi[0]))
    two = np.exp(np.maximum(n - 2.0, 0.0) * np.log(phi[0]))
    width = t * STEP  # dt of steps in log t
    squares = (n * t * phi[2] * others) @ width
    cubes = (n * t**2 / 2.0 * phi[3] * others) @ width
    squared = (n * t**3 / 6.0 * (phi[4] * others + (n - 1.0) * phi[2] ** 2 * two)) @ width
    return float(squares.mean()), max(float((squares - 2.0 * cubes + squared).mean()), 0.0)


@lru_cache(maxsize=512)
def _transforms(spread: float, length: float) -> tuple[Array, dict[int, Array]]:
    """t, and φ_k(t) for k = 0, 2, 3, 4, from where t·S is nothing for n = e^`length` logits to where exp(−t·x) is."""
    x = np.exp(sqrt(spread) * NODES)
    t = np.exp(np.arange(-8.0 * sqrt(spread) - length - 9.0, 8.0 * sqrt(spread) + 6.0, STEP))
    damped = np.exp(-t[:, None] * x[None, :]) * DENSITY
    return t, {k: np.maximum(damped @ x**k, exp(-700.0)) for k in (0, 2, 3, 4)}
