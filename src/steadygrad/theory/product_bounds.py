"""What a product of matrices can do at most and at least, from its factors' singular values; in logs, at any length.

    Σ log σ_min(A_i) ≤ log σ_j(A_L ⋯ A_1) ≤ Σ log σ_max(A_i)            lower side: square factors
    Σ_{j≤k} log σ_j(product) ≤ Σ_i Σ_{j≤k} log σ_j(A_i)                  Horn 1950; equality at k = n, |det| multiplies
    |λ_1 ⋯ λ_k| ≤ σ_1 ⋯ σ_k                                              Weyl 1949: eigenvalues are no larger
    λ_min(A) λ_min(B) ≤ λ_j(AB) ≤ λ_max(A) λ_max(B)                      symmetric positive definite A, B

Conditioning of gradients follows: cond(product) ≤ Π cond(A_i), so only factors with all singular values near 1
(orthogonal, or the identity plus something small) guarantee it; eigenvalues of non-symmetric factors guarantee nothing.
Source: Horn & Johnson 1991, Topics in Matrix Analysis, theorems 3.3.2 and 3.3.4.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from steadygrad.errors import InputError
from steadygrad.theory.activation import Array


class LogBounds(NamedTuple):
    """Bounds on natural logs of singular values (or of eigenvalues).

    Example:
        >>> LogBounds(-1.0, 2.0).highest
        2.0
    """

    lowest: float
    highest: float


def product_bounds(singular_values: Sequence[ArrayLike]) -> LogBounds:
    """Bounds on every log σ of A_L ⋯ A_1 from the singular values of square factors; −∞ where a factor is singular.

    Tight for factors with aligned singular vectors only: random ones stay near `lyapunov.gaussian_exponents`.

    Raises:
        InputError: no factors, or values that are negative, not finite or missing.

    Example:
        >>> product_bounds([[2.0, 0.5], [1.0, 1.0]]) == LogBounds(math.log(0.5), math.log(2.0))
        True
    """
    logs = [_logs(values) for values in _factors(singular_values)]
    return LogBounds(math.fsum(float(v[-1]) for v in logs), math.fsum(float(v[0]) for v in logs))


def horn_bounds(singular_values: Sequence[ArrayLike]) -> Array:
    """Upper bounds on Σ_{j≤k} log σ_j of the product, k = 1 … n; exact at k = n (log|det|).

    Raises:
        InputError: as `product_bounds`, or factors of different size.

    Example:
        >>> horn_bounds([[4.0, 1.0], [2.0, 0.5]]).round(6).tolist()  # log 8, then log 4
        [2.079442, 1.386294]
    """
    logs = [_logs(values) for values in _factors(singular_values)]
    if len({v.size for v in logs}) != 1:
        raise InputError(f"the factors must be square and of one size, got {[v.size for v in logs]} singular values")
    return np.cumsum(np.sum(logs, axis=0))


def definite_bounds(first: ArrayLike, second: ArrayLike) -> LogBounds:
    """Bounds on the log eigenvalues of AB from the eigenvalues of symmetric positive definite A and B.

    AB is similar to √A·B·√A, so its eigenvalues are real and positive though it is not symmetric.

    Raises:
        InputError: eigenvalues that are not positive.

    Example:
        >>> definite_bounds([1.0, 3.0], [2.0, 5.0]) == LogBounds(math.log(2.0), math.log(3.0) + math.log(5.0))
        True
    """
    bounds = product_bounds([first, second])
    if bounds.lowest == -math.inf:
        raise InputError(f"eigenvalues must be positive, got {np.asarray(first).tolist()!r} and {np.asarray(second).tolist()!r}")
    return bounds


def _factors(singular_values: Sequence[ArrayLike]) -> Sequence[ArrayLike]:
    if len(singular_values) == 0:
        raise InputError(f"there must be at least one factor, got {singular_values!r}")
    return singular_values


def _logs(values: ArrayLike) -> Array:
    """Logs, descending."""
    found = np.sort(np.asarray(values, dtype=np.float64).ravel())[::-1]
    if found.size == 0 or not np.isfinite(found).all() or found[-1] < 0.0:
        raise InputError(f"singular values must be finite and at least 0, got {found.tolist()!r}")
    with np.errstate(divide="ignore"):
        return np.log(found)
