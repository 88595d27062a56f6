"""Fluctuations at finite width: how far one network's norms stray from the mean-field prediction.

Given the layer before, pre-activations of Gaussian layers are exactly Gaussian, so norms make a Markov chain in depth:

    r = Π (q_l/q_{l−1}),   E[r²]/E[r]² = Π (1 + κ/n_l),   Var(log r) ≈ κ·Σ 1/n_l,   E[log r] ≈ log E[r] − (κ/2)·Σ 1/n_l

with κ = E[φ⁴]/E[φ²]² − 1: 5 for ReLU, 2 for linear layers. Deep and narrow (depth/width near 1) means that typical norms
shrink although their mean is kept, and that two seeds differ by a factor. Source: Hanin 2018, arXiv:1801.03744;
κ and the exact forms derived here.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.digamma import digamma, trigamma
from steadygrad.theory.domain import require_variances, require_widths
from steadygrad.theory.maps import length_slope


def fluctuation(activation: Activation, q: float = 1.0) -> float:
    """κ = E[φ(√q z)⁴]/E[φ(√q z)²]² − 1: the relative variance of one unit's squared output.

    Raises:
        InputError: φ is 0 at q.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(fluctuation(activations.get("relu")), 9), round(fluctuation(activations.get("identity")), 9)
        (5.0, 2.0)
    """
    second = gaussian.second_moment(activation, q)
    if not second > 0.0:
        raise InputError(f"`{activation.name}` must pass something at q = {q:g}, got E[φ²] = {second:g}")
    fourth = gaussian.expectation(lambda x: activation.phi(x) ** 4, scale=gaussian.root(q), kinks=activation.kinks)
    return fourth / second**2 - 1.0


def log_variance(activation: Activation, widths: Sequence[int]) -> float:
    """κ·Σ 1/n_l: the variance of log(q_L/q_0) over seeds, for homogeneous activations (ReLU: 5·Σ 1/n_l), first order.

    Holds while the sum is below about ½; narrower, `relu_log_norm` is exact. Others relax between layers: `length_variance`.

    Raises:
        InputError: the activation is not homogeneous, no layers, or a width below 1.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(log_variance(activations.get("relu"), [32] * 16), 9)
        2.5
    """
    require_widths(widths)
    if not activation.homogeneous:
        raise InputError(f"`log_variance` must be asked of a homogeneous activation, got `{activation.name}`; use length_variance(…, q)")
    return fluctuation(activation) * math.fsum(1.0 / n for n in widths)


def mean_square_ratio(activation: Activation, widths: Sequence[int]) -> float:
    """E[r²]/E[r]² = Π (1 + κ/n_l), exact for homogeneous activations at every width.

    Estimating it by sampling fails in deep narrow networks: rare networks carry the mean.

    Raises:
        InputError: as `log_variance`.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(mean_square_ratio(activations.get("relu"), [32] * 16), 2)
        10.21
    """
    log_variance(activation, widths)
    kappa = fluctuation(activation)
    return math.exp(math.fsum(math.log1p(kappa / n) for n in widths))


def length_variance(activation: Activation, weight_variance: float, q: float, widths: Sequence[int]) -> float:
    """Relative variance of q_L over seeds, first order in 1/n, at the fixed point q of the length map.

        V_l = χ∥² V_{l−1} + (σ_w² E[φ²]/q)²·κ/n_l          χ∥ < 1 forgets; V → σ_w⁴ Var(φ²)/(q² n (1 − χ∥²))

    Source: Roberts, Yaida & Hanin 2022, arXiv:2106.10165, chapter 4; derived here from the chain.

    Raises:
        InputError: q not positive, a negative variance, no layers, or a width below 1.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(length_variance(activations.get("relu"), 2.0, 1.0, [100] * 10), 6)
        0.5
    """
    require_widths(widths)
    require_variances(weight_variance)
    share = weight_variance * gaussian.second_moment(activation, q) / q
    slope, noise, variance = length_slope(activation, weight_variance, q), share**2 * fluctuation(activation, q), 0.0
    for n in widths:
        variance = slope**2 * variance + noise / n
    return variance


class LogNorm(NamedTuple):
    """Mean and variance of a log-ratio of squared norms.

    Example:
        >>> LogNorm(-0.5, 1.0).mean
        -0.5
    """

    mean: float
    variance: float


def relu_log_norm(widths: Sequence[int], gain: float = math.sqrt(2.0)) -> LogNorm:
    """Exact E and Var of log(q_L/q_0), q the mean square over units, for Gaussian layers of variance gain²/fan_in and ReLU.

    q_l = q_{l−1}·gain²/n_l·χ²_K with K ~ Binomial(n_l, ½) units on, at any fan_in. Layers where no unit is on (probability
    2⁻ⁿ each) end the signal and are left out: K ≥ 1. Derived here.

    Raises:
        InputError: no layers, a width that is no whole number or below 1, or a gain that is not positive.

    Example:
        >>> found = relu_log_norm([32] * 16)
        >>> round(found.mean, 4), round(found.variance, 4)
        (-1.3206, 2.84)
    """
    require_widths(widths)
    if any(n != int(n) for n in widths):
        raise InputError(f"`widths` must be whole numbers of units, got {list(widths)!r}")
    if not 0.0 < gain < math.inf:
        raise InputError(f"`gain` must be finite and positive, got {gain!r}")
    mean, variance = [], []
    for n in map(int, widths):
        shares = [math.comb(n, k) / (2**n - 1) for k in range(1, n + 1)]
        logs = [digamma(k / 2.0) + math.log(2.0 * gain**2 / n) for k in range(1, n + 1)]
        centre = math.fsum(p * x for p, x in zip(shares, logs, strict=True))
        mean.append(centre)
        variance.append(math.fsum(p * (trigamma(k / 2.0) + (logs[k - 1] - centre) ** 2) for k, p in enumerate(shares, 1)))
    return LogNorm(math.fsum(mean), math.fsum(variance))
