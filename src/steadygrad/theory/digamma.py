"""Digamma and trigamma at positive half-integers, where χ² distributions need them."""

import math
from functools import lru_cache

EULER_GAMMA = 0.57721566490153286060651209008240243
SERIES_FROM = 30.0


@lru_cache(maxsize=4096)
def digamma(x: float) -> float:
    """ψ(x) = d log Γ/dx for x > 0, to 1e-15 of max(1, |ψ|): the recurrence up to 30, then Stirling's series.

    E[log χ²_k] = ψ(k/2) + log 2. Source: Abramowitz & Stegun 6.3.5, 6.3.18.

    Example:
        >>> round(digamma(1.0) + EULER_GAMMA, 14)
        0.0
    """
    steps = []
    while x < SERIES_FROM:
        steps.append(-1.0 / x)
        x += 1.0
    y = 1.0 / (x * x)
    tail = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y / 132.0))))
    return math.fsum([math.log(x), -0.5 / x, -tail, *steps])


@lru_cache(maxsize=4096)
def trigamma(x: float) -> float:
    """ψ′(x) for x > 0, to 1e-15 relatively; Var[log χ²_k] = ψ′(k/2). Source: Abramowitz & Stegun 6.4.6, 6.4.12.

    Example:
        >>> round(trigamma(1.0) - math.pi**2 / 6.0, 14)
        0.0
    """
    steps = []
    while x < SERIES_FROM:
        steps.append(1.0 / (x * x))
        x += 1.0
    y = 1.0 / (x * x)
    tail = y * (1.0 / 6.0 - y * (1.0 / 30.0 - y * (1.0 / 42.0 - y * (1.0 / 30.0 - 5.0 * y / 66.0)))) / x
    return math.fsum([1.0 / x, 0.5 * y, tail, *steps])
