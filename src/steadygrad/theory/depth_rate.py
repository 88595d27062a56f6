"""The largest stable learning rate: of stochastic gradient descent with momentum, and of a plain isometric network of any depth.

Near a minimum one direction of curvature is a scalar recursion, x ← (1 + β − η·a)·x − β·x′ with a drawn anew for every batch. Its mean is
stable for η < 2(1 + β)/λ. Its mean square is the stricter condition; noise of variance s·λ/B in a gives

    η < 2 / (λ/(1 + β) + s/(B·(1 − β)))              λ sharpness of the mean loss, s of one sample's loss, B the batch

In a chain of L isometric layers, n wide, every layer contributes the same to the kernel of logits, so that both grow with L and the rate falls
as 1/L. Biases contribute |g_l|² where weights contribute |g_l|²·|h_l|² = |g_l|²·n·q: at small q they are nearly all of it.
"""

import math
from typing import NamedTuple

from steadygrad.errors import InputError
from steadygrad.theory.domain import require_depth, require_length, require_widths


class Sharpness(NamedTuple):
    """Largest eigenvalue of the curvature: of the mean loss, and at most that of one sample's."""

    mean: float
    sample: float


def largest_stable_rate(sharpness: Sharpness | tuple[float, float], *, batch: int, momentum: float = 0.0) -> float:
    """η at which E[x²] stops shrinking: 2/(λ/(1 + β) + s/(B(1 − β))).

    Derivation: with a = λ + ξ, Var ξ = σ² ≤ s·λ/B (a sample's curvature H_i has E[H_i²] ≤ s·E[H_i]), x is an AR(2) process driven by −η·ξ·x;
    its stationary variance (1 + β)·η²σ²·Var x / ((1 − β)·ηλ·(2(1 + β) − ηλ)) must stay below Var x. Update: v ← β·v + gradient, x ← x − η·v.
    Fails where curvature changes during training (it grows: an early estimate is an upper bound on what is stable later), and where batches
    are drawn without replacement (noise is less by 1 − B/N).

    Args:
        sharpness: (λ, s) in units of loss per squared parameter; λ positive, s at least 0 (0: full batch).
        batch: B, at least 1.
        momentum: β in [0, 1).

    Raises:
        InputError: outside these ranges.

    Example:
        >>> largest_stable_rate((2.0, 0.0), batch=1)  # gradient descent: 2/λ
        1.0
        >>> round(largest_stable_rate((2.0, 2.0), batch=1, momentum=0.9), 4)  # one sample, momentum: 1 − β governs
        0.095
    """
    mean, sample = sharpness
    if not (0.0 < mean < math.inf and 0.0 <= sample < math.inf):
        raise InputError(f"`sharpness` must be a finite positive λ and a finite s of at least 0, got {tuple(sharpness)!r}")
    if batch != int(batch) or batch < 1:
        raise InputError(f"`batch` must be a whole number of samples, at least 1, got {batch!r}")
    if not 0.0 <= momentum < 1.0:
        raise InputError(f"`momentum` must be in [0, 1), got {momentum!r}")
    return 2.0 / (mean / (1.0 + momentum) + sample / (batch * (1.0 - momentum)))


def chain_sharpness(
    depth: int, *, width: int, q: float, classes: int, readout_gain: float = 1.0, alignment: float = 1.0, bias_rate_ratio: float = 0.0
) -> Sharpness:
    """Gauss–Newton sharpness, at the start, of `depth` isometric layers h ← φ(W·h + b) under softmax cross-entropy.

        λ = L·G²·(n·ρ + r/q)/C        s = L·G²·(n + r/q)·(1 − 1/C)

    for logits z = (G/√q)·R·h with orthonormal rows in R, second moment q of signals, φ′ ≈ 1. Derivation: ⟨∂z_j/∂W_l, ∂z_k/∂W_l⟩ between two
    samples is δ_jk·(G²/q)·h·h′ = δ_jk·G²·n·cos, and δ_jk·G²/q for b_l at the same rate; the softmax at z ≈ 0 has curvature (I − 11ᵀ/C)/C.
    Fails: as training makes logits larger, each sample's curvature becomes |z|²·(1 − Σp²) per layer instead, whatever G was (measured on
    digits: 15 to 22 from the tenth step on). A G²·n·(1 − 1/C) below that is an underestimate.

    Args:
        depth: L.
        width: n.
        q: second moment of signals, in (0, 1) where φ′ ≈ 1.
        classes: C, at least 2.
        readout_gain: G.
        alignment: ρ, largest eigenvalue of the matrix of samples' cosines over their number, in (0, 1].
        bias_rate_ratio: r, rate of biases over that of weights; 0 when biases are not trained. The sharpness is in units of the weights' rate.

    Raises:
        InputError: outside these ranges.

    Example:
        >>> s = chain_sharpness(100, width=64, q=0.002, classes=10, readout_gain=0.5, alignment=0.49)
        >>> round(s.mean, 1), round(s.sample)
        (78.4, 1440)
        >>> round(100_000 * largest_stable_rate(chain_sharpness(100_000, width=64, q=0.001, classes=10, readout_gain=0.5, alignment=0.49,
        ...     bias_rate_ratio=1.0), batch=32, momentum=0.9), 3)  # biases trained alike: a rate of 0.05/L is too large
        0.023
    """
    require_depth(depth)
    require_widths([width])
    require_length(q)
    if classes != int(classes) or classes < 2:
        raise InputError(f"`classes` must be a whole number, at least 2, got {classes!r}")
    if not 0.0 < readout_gain < math.inf:
        raise InputError(f"`readout_gain` must be finite and positive, got {readout_gain!r}")
    if not 0.0 < alignment <= 1.0:
        raise InputError(f"`alignment` must be in (0, 1], got {alignment!r}")
    if not 0.0 <= bias_rate_ratio < math.inf:
        raise InputError(f"`bias_rate_ratio` must be finite and at least 0, got {bias_rate_ratio!r}")
    layer, biases = depth * readout_gain**2, bias_rate_ratio / q
    return Sharpness(layer * (width * alignment + biases) / classes, layer * (width + biases) * (1.0 - 1.0 / classes))


def chain_length(depth: int, spread: float = 0.72) -> float:
    """q at which the squared singular values of `depth` orthogonal critical tanh layers have variance `spread`, to first order: √(spread/(8L)).

    A layer's Jacobian is D·W with φ′² of mean ≈ 1 − 2q and variance ≈ 8q²: critical W makes up for the mean, variances add over layers
    (Pennington, Schoenholz & Ganguli 2017, arXiv:1711.04735, σ²_JJᵀ = L·(μ₂/μ₁² − 1) for orthogonal weights; φ′² = 1 − 2z² + …, Var z² = 2q²).
    The next order, a factor of 1 − 10q (derived here), makes it less: 0.66 instead of 0.72 at 1,000 layers, 0.71 at 100,000.

    Raises:
        InputError: no layers, or a spread that is not finite and positive.

    Example:
        >>> round(chain_length(10_000), 6)
        0.003
    """
    require_depth(depth)
    require_length(spread)
    return math.sqrt(spread / (8.0 * depth))
