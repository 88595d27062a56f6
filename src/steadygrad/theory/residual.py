"""Residual streams: lengths add, so growth is a power of depth instead of exponential, or none when branches are scaled.

    x_l = α·x_{l−1} + β·(W φ(x_{l−1}) + b)                      α the skip's scale, β the branch's

    q_l = α² q_{l−1} + β²(σ_w² E[φ(√q_{l−1} z)²] + σ_b²)          cross terms vanish: W has mean 0
    p_l = α² p_{l−1} + β²(σ_w² E[φ(u₁)φ(u₂)] + σ_b²),   c = p/q
    χ_l = α² + β² σ_w² E[φ′(√q_{l−1} z)²]                         factor on squared gradients

Source: Yang & Schoenholz 2017, arXiv:1712.08969; De & Smith 2020, arXiv:2002.10444 (scaled branches).
"""

from dataclasses import dataclass

import numpy as np

from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.domain import require_depth, require_length, require_scale, require_variances


@dataclass(frozen=True)
class Stream:
    """A residual stream, layer by layer.

    Attributes:
        lengths: q_0 … q_L, (L + 1,).
        correlations: c_0 … c_L of two samples of equal length, (L + 1,).
        growth: χ_1 … χ_L, (L,); their product is the ratio of squared gradients, first layer to last.
    """

    lengths: Array
    correlations: Array
    growth: Array


def residual_stream(
    activation: Activation,
    weight_variance: float,
    bias_variance: float = 0.0,
    *,
    depth: int,
    q: float = 1.0,
    c: float = 0.0,
    skip: float = 1.0,
    branch: float = 1.0,
) -> Stream:
    """Lengths, correlations and gradient growth of `depth` blocks from q_0 = q, c_0 = c; no fixed point is assumed.

    ReLU at σ_w² = 2: q doubles per block at α = β = 1; β = 1/√L ends at (1 + 1/L)^L → e; β = 0 (SkipInit, ReZero) keeps q.
    Fails where a branch reads the same weights twice, and where β is learned away from its start.

    Raises:
        InputError: depth below 1, q not positive, c outside [−1, 1], a negative variance, or a scale that is not finite.

    Example:
        >>> from steadygrad.theory import activations
        >>> relu = activations.get("relu")
        >>> [round(float(residual_stream(relu, 2.0, depth=8, branch=b).lengths[-1]), 3) for b in (1.0, 8**-0.5, 0.0)]
        [256.0, 2.566, 1.0]
    """
    require_depth(depth)
    require_length(q)
    require_variances(weight_variance, bias_variance)
    require_scale("skip", skip)
    require_scale("branch", branch)
    lengths, products, growth = [q], [c * q], []
    a, b = skip**2, branch**2
    for _ in range(depth):
        q, p = lengths[-1], products[-1]
        growth.append(a + b * weight_variance * gaussian.slope_moment(activation, q))
        shared = gaussian.covariance(activation, q, min(max(p / q, -1.0), 1.0) if len(products) > 1 else p / q)
        lengths.append(a * q + b * (weight_variance * gaussian.second_moment(activation, q) + bias_variance))
        products.append(a * p + b * (weight_variance * shared + bias_variance))
    every = np.array(lengths)
    return Stream(every, np.array(products) / every, np.array(growth))


def normalized_stream(depth: int, *, q: float = 1.0, skip: float = 1.0, branch: float = 1.0) -> Array:
    """q_0 … q_L when every branch ends at variance β² whatever it reads, as batch, layer or RMS norm make it.

    q_l = α² q_{l−1} + β²: at α = β = 1 linear in depth, so block l changes its stream by 1/l relatively, which is how batch
    norm makes deep residual networks start near the identity. Source: De & Smith 2020, arXiv:2002.10444.

    Raises:
        InputError: depth below 1, or q not positive.

    Example:
        >>> normalized_stream(32)[-1].item()
        33.0
    """
    require_depth(depth)
    require_length(q)
    lengths = [q]
    for _ in range(depth):
        lengths.append(skip**2 * lengths[-1] + branch**2)
    return np.array(lengths)
