"""Wilson's score interval for k successes of n."""

import math

Z_95 = 1.959963984540054


def wilson(k: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """(low, high) of the 95 % interval: (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n) (Wilson, 1927).

    Without a trial, n = 0, nothing is known: (0, 1).
    """
    if not 0 <= k <= n:
        raise ValueError(f"successes must lie in 0 … n, got k = {k}, n = {n}")
    if n == 0:
        return 0.0, 1.0
    share = k / n
    centre = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The outer bound is exactly 0 or 1 when every trial agrees; rounding must not move it.
    return 0.0 if k == 0 else (centre - reach) / scale, 1.0 if k == n else (centre + reach) / scale


def counted(k: int, n: int) -> str:
    """The text `k of n (low–high %)`, as every table here shows it."""
    low, high = wilson(k, n)
    return f"{k:2d} of {n:2d} ({100 * low:.0f}–{100 * high:.0f} %)"
