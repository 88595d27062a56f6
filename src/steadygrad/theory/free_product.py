"""Spectra of products of large random matrices, by the S-transform: power series in, moments out.

For a positive spectrum with moments m_k (of A Aᵀ):   ψ(z) = Σ m_k z^k,   S(z) = (1 + z)/z · ψ⁻¹(z)

S of a product of freely independent factors is the product of their S; weights are free of what multiplies them.
Series are truncated: moments up to order K need the first K moments of each factor only.
Source: Voiculescu 1987, J. Operator Theory 18:223; for networks Pennington, Schoenholz & Ganguli 2017, arXiv:1711.04735.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from steadygrad.errors import InputError
from steadygrad.theory.activation import Array


def s_series(moments: ArrayLike) -> Array:
    """Coefficients s_0 … s_{K−1} of S(z) from the moments m_1 … m_K.

    s_0 = 1/m_1,   s_1 = (m_1² − m_2)/m_1³.

    Raises:
        InputError: no moments, or the first is not positive.

    Example:
        >>> s_series([1.0, 2.0, 5.0, 14.0]).round(9).tolist()  # Marchenko–Pastur: S = 1/(1 + z)
        [1.0, -1.0, 1.0, -1.0]
    """
    m = np.asarray(moments, dtype=np.float64)
    if m.ndim != 1 or m.size == 0 or not m[0] > 0.0 or not np.isfinite(m).all():
        raise InputError(f"`moments` must be finite, the first of them positive, got {m.tolist()!r}")
    inverse = _inverse(np.concatenate([[0.0], m]))  # ψ⁻¹(z), no constant term
    return _product(inverse[1:], np.array([1.0, 1.0]), m.size)


def moments_from_s(series: ArrayLike) -> Array:
    """The moments m_1 … m_K whose S-transform starts with `series` (s_0 … s_{K−1}).

    Raises:
        InputError: s_0 is not positive.

    Example:
        >>> moments_from_s([1.0, -1.0, 1.0]).round(9).tolist()
        [1.0, 2.0, 5.0]
    """
    s = np.asarray(series, dtype=np.float64)
    if s.ndim != 1 or s.size == 0 or not s[0] > 0.0:
        raise InputError(f"`series` must start with a positive coefficient, got {s.tolist()!r}")
    alternating = np.resize(np.array([1.0, -1.0]), s.size)  # 1/(1 + z)
    inverse = np.concatenate([[0.0], _product(s, alternating, s.size)])
    return _inverse(inverse)[1:]


def power(series: ArrayLike, exponent: int) -> Array:
    """S(z)^exponent, truncated at the same order: a product of `exponent` factors alike.

    Raises:
        InputError: an exponent that is negative or no whole number.

    Example:
        >>> power([1.0, -1.0, 1.0], 3).tolist()
        [1.0, -3.0, 6.0]
    """
    if exponent < 0 or exponent != int(exponent):
        raise InputError(f"`exponent` must be a whole number, at least 0, got {exponent!r}")
    base = np.asarray(series, dtype=np.float64)
    result = np.zeros_like(base)
    result[0] = 1.0
    while exponent:
        if exponent % 2:
            result = _product(result, base, base.size)
        base, exponent = _product(base, base, base.size), exponent // 2
    return result


def fuss_catalan(depth: int, order: int) -> float:
    """m_k = C((L+1)k, k)/(Lk + 1): moments of JJᵀ for a product of L square Gaussian matrices with entries N(0, 1/n).

    Variance L, largest squared singular value (L+1)^{L+1}/L^L ≈ e·(L + ½). Source: Penson & Życzkowski 2011,
    arXiv:1103.3453.

    Raises:
        InputError: depth or order below 1.

    Example:
        >>> [fuss_catalan(1, k) for k in (1, 2, 3)], fuss_catalan(8, 2)
        ([1.0, 2.0, 5.0], 9.0)
    """
    if depth < 1 or order < 1:
        raise InputError(f"`depth` and `order` must be at least 1, got {depth!r} and {order!r}")
    return math.comb((depth + 1) * order, order) / (depth * order + 1)


def _product(a: Array, b: Array, terms: int) -> Array:
    full = np.convolve(a, b)[:terms]
    return np.concatenate([full, np.zeros(terms - full.size)])


def _inverse(series: Array) -> Array:
    """The series g with f(g(z)) = z, for f without constant term: Lagrange, n·g_n = [z^{n−1}] (z/f(z))^n."""
    terms = series.size - 1
    ratio = _reciprocal(series[1:])
    found, current = np.zeros(terms + 1), np.zeros(terms)
    current[0] = 1.0
    for n in range(1, terms + 1):
        current = _product(current, ratio, terms)
        found[n] = current[n - 1] / n
    return found


def _reciprocal(series: Array) -> Array:
    """1/f for f with a constant term."""
    found = np.zeros_like(series)
    found[0] = 1.0 / series[0]
    for n in range(1, series.size):
        found[n] = -found[0] * float(series[1 : n + 1] @ found[n - 1 :: -1])
    return found
