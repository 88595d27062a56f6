"""Residual streams with a norm: what pre- and post-norm transformers do to signals and gradients by depth.

A branch F (attention, feed-forward) turns normalized inputs into outputs of variance v and multiplies squared gradients by s:

    pre-norm    x_l = α x_{l−1} + F(N(x_{l−1}))      q_l = α² q_{l−1} + v     χ_l = α² + s/q_{l−1}
    post-norm   x_l = N(α x_{l−1} + F(x_{l−1}))      q_l = 1                   χ_l = (α² + s)/(α² + v)

Pre-norm: signals grow like √l and, for s = v, the product of χ telescopes to q_L/q_0: gradients grow by 1 + L·v once, a power
of depth. Post-norm: an exponential in depth whose rate is (s − v)/(α² + v); α > 1 (DeepNorm) slows it.
Sources: Xiong et al. 2020, arXiv:2002.04745; Wang et al. 2022, arXiv:2203.00555; the recursions derived here.
"""

import math
from typing import NamedTuple

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.domain import require_depth, require_length, require_scale, require_variances

PLACEMENTS = ("pre", "post", "none")


class Branch(NamedTuple):
    """What a branch does to normalized inputs: output variance v, factor s on squared gradients.

    Example:
        >>> Branch(1.0, 1.0).slope
        1.0
    """

    variance: float
    slope: float


class Growth(NamedTuple):
    """Second moments q_0 … q_L of the stream, and factors χ_1 … χ_L on squared gradients.

    Example:
        >>> Growth(np.ones(2), np.ones(1)).lengths.size
        2
    """

    lengths: Array
    growth: Array


def feed_forward_branch(activation: Activation, first: float = 1.0, second: float = 1.0) -> Branch:
    """W₂ φ(W₁ x): v = σ₂² E[φ(σ₁ z)²], s = σ₁² σ₂² E[φ′(σ₁ z)²], with σ² = fan_in·Var(W) of each matrix.

    Raises:
        InputError: a negative variance.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(feed_forward_branch(activations.get("relu"), 1.0, 2.0).slope, 9)
        1.0
    """
    require_variances(first)
    require_variances(second)
    return Branch(second * gaussian.second_moment(activation, first), first * second * gaussian.slope_moment(activation, first))


def attention_branch(tokens: int, weight_variance: float = 1.0, *, correlation: float = 0.0, gradient_correlation: float = 0.0) -> Branch:
    """Self-attention at small logits, where every token averages all T: v = σ²(1/T + (1 − 1/T)·c), s alike with c of gradients.

    σ² is the product of fan_in·Var of value and output projections; c the mean correlation of tokens. Averaging passes what
    tokens share and little else, which makes tokens more alike layer by layer (rank collapse).
    Fails for logits of order 1 and for causal masks, where early tokens average fewer. Source: Noci et al. 2022,
    arXiv:2206.03126.

    Raises:
        InputError: fewer than 1 token, a correlation outside [0, 1], or a negative variance.

    Example:
        >>> attention_branch(64, correlation=1.0).variance, attention_branch(64).variance
        (1.0, 0.015625)
    """
    require_variances(weight_variance)
    if tokens < 1 or not (0.0 <= correlation <= 1.0 and 0.0 <= gradient_correlation <= 1.0):
        raise InputError(f"`tokens` must be at least 1 and correlations in [0, 1], got {tokens!r}, {correlation!r} and {gradient_correlation!r}")
    share = 1.0 / tokens
    return Branch(*(weight_variance * (share + (1.0 - share) * c) for c in (correlation, gradient_correlation)))


def transformer_growth(depth: int, branch: Branch, *, norm: str = "pre", skip: float = 1.0, q: float = 1.0) -> Growth:
    """Lengths and gradient factors of `depth` residual blocks (two per transformer layer), norm "pre", "post" or "none".

    Without a norm the branch is taken to be homogeneous: v scales with q, s does not. Post-norm's stream starts normalized.

    Raises:
        InputError: depth below 1, an unknown norm, q not positive, a negative branch, or a skip that is not finite.

    Example:
        >>> pre = transformer_growth(24, Branch(1.0, 1.0))
        >>> round(float(np.prod(pre.growth)), 6), float(pre.lengths[-1])
        (25.0, 25.0)
        >>> float(np.prod(transformer_growth(24, Branch(1.0, 1.0), norm="post").growth))
        1.0
    """
    require_depth(depth)
    require_length(q)
    if not all(0.0 <= value < math.inf for value in branch):
        raise InputError(f"`branch` must have a finite variance and slope of at least 0, got {tuple(branch)!r}")
    require_scale("skip", skip)
    if norm not in PLACEMENTS:
        raise InputError(f"`norm` must be one of {', '.join(PLACEMENTS)}, got {norm!r}")
    a, lengths, growth = skip**2, [1.0 if norm == "post" else q], []
    for _ in range(depth):
        reading = lengths[-1]
        if norm == "post":
            lengths.append(1.0)
            growth.append((a + branch.slope) / (a + branch.variance))
        elif norm == "pre":
            lengths.append(a * reading + branch.variance)
            growth.append(a + branch.slope / reading)
        else:
            lengths.append((a + branch.variance) * reading)
            growth.append(a + branch.slope)
    return Growth(np.array(lengths), np.array(growth))


class DeepNorm(NamedTuple):
    """α multiplies the skip, β the gain of the value, output and feed-forward matrices.

    Example:
        >>> DeepNorm(1.0, 1.0).alpha
        1.0
    """

    alpha: float
    beta: float


def deepnorm(layers: int) -> DeepNorm:
    """Encoder-only or decoder-only: α = (2N)^¼, β = (8N)^−¼ for N layers of two branches each.

    Chosen to bound the model's first update, not its gradient. Source: Wang et al. 2022, arXiv:2203.00555;
    constants as in Microsoft's torchscale.

    Raises:
        InputError: no layers.

    Example:
        >>> [round(x, 5) for x in deepnorm(1000)]
        [6.6874, 0.10574]
    """
    require_depth(layers)
    return DeepNorm((2.0 * layers) ** 0.25, (8.0 * layers) ** -0.25)


def deepnorm_pair(encoder: int, decoder: int) -> tuple[DeepNorm, DeepNorm]:
    """Of an encoder of N and a decoder of M layers: α = 0.81 (N⁴M)^{1/16}, β = (N⁴M)^{−1/16}/1.15 and α = (3M)^¼, β = (12M)^−¼.

    Source: as `deepnorm`; the paper prints 1/1.15 as 0.87.

    Raises:
        InputError: no layers on a side.

    Example:
        >>> [round(x, 4) for side in deepnorm_pair(6, 6) for x in side]
        [1.4179, 0.4967, 2.0598, 0.3433]
    """
    require_depth(encoder)
    require_depth(decoder)
    mixed = math.exp((4.0 * math.log(encoder) + math.log(decoder)) / 16.0)
    return DeepNorm(0.81 * mixed, 1.0 / (1.15 * mixed)), DeepNorm((3.0 * decoder) ** 0.25, (12.0 * decoder) ** -0.25)
