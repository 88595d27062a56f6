"""Haar-distributed orthonormal matrices as products of random reflections, without a QR factorization.

The QR factorization of an m × n matrix of independent normals turns its k-th column, below the diagonal, into an independent
normal vector x_k of m − k entries, whatever came before. So draw the x_k and leave the factorization out:

    Q = H_0·H_1·…·H_{n−1}·[D; 0],   H_k = I − τ_k·v_k·v_kᵀ on the last m − k coordinates,   D = diag(−sign x_k[0])
    v_k = x_k + sign(x_k[0])·|x_k|·e_0,   τ_k = 2/|v_k|² = 1/(|x_k|·(|x_k| + |x_k[0]|))

which is exactly the Q of a QR factorization with positive diagonal, that is, uniform (Haar). Source: Stewart 1980, SIAM J. Numer.
Anal. 17, 403–409. Blocks of reflections are applied as I − V·T·Vᵀ with T⁻¹ = strictly upper part of VᵀV + diag(1/τ) (Puglisi 1992,
SIAM J. Sci. Stat. Comput. 13, 723–726), from the last block to the first: 4/3·n³ multiply-adds for a square matrix instead of 8/3·n³.

Sums run inside the BLAS: bits may differ between BLAS libraries, by a few units in the last place.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]

BLOCK = 128


def orthonormal(normals: Matrix) -> Matrix:
    """The (m, n) matrix of orthonormal columns from an (n, m) array of standard normals, m ≥ n, of float32 or float64.

    Row k of `normals` holds x_k in its entries k … m − 1; the entries before are not used.

    Example:
        >>> q = orthonormal(np.random.default_rng(0).standard_normal((3, 5)))
        >>> bool(np.allclose(q.T @ q, np.eye(3), atol=1e-15))
        True
    """
    n, m = normals.shape
    q = np.zeros((m, n), normals.dtype)
    block = min(BLOCK, max(16, n // 8))
    for first in reversed(range(0, n, block)):
        last = min(first + block, n)
        v, tau, sign = reflectors(normals[first:last, first:])
        here = np.arange(last - first)
        q[first + here, first + here] = -sign
        inverse = np.triu(v @ v.T, 1)
        inverse[here, here] = 1.0 / tau
        trailing = q[first:, first:]
        trailing -= v.T @ np.linalg.solve(inverse, v @ trailing)
    return q


def reflectors(x: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Rows v_k (with zeros before entry k), τ_k and sign x_k[0] of a block of rows x_k.

    Example:
        >>> v, tau, sign = reflectors(np.array([[3.0, 4.0], [9.0, -2.0]]))
        >>> v.tolist(), tau.tolist(), sign.tolist()
        ([[8.0, 4.0], [0.0, -4.0]], [0.025, 0.125], [1.0, -1.0])
    """
    rows = np.arange(len(x))
    v = np.triu(x)
    ahead = v[rows, rows]
    sign = np.where(ahead < 0, x.dtype.type(-1), x.dtype.type(1))
    norm = np.sqrt(np.einsum("ij,ij->i", v, v, dtype=np.float64)).astype(x.dtype)
    v[rows, rows] += sign * norm
    return v, 1 / (norm * (norm + np.abs(ahead))), sign
