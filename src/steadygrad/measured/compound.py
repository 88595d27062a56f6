"""Compound matrices: all minors of one order. Products turn into products: C_k(AB) = C_k(A)·C_k(B) (Cauchy–Binet)."""

from itertools import combinations

import torch

from steadygrad.errors import InputError


def compound(matrices: torch.Tensor, order: int) -> torch.Tensor:
    """(…, n, n) → (…, C(n, k), C(n, k)): determinants of all k × k submatrices, rows and columns in lexicographic order.

    Its singular values are all products of k singular values of the matrix, so that the largest is s_1⋯s_k: long products show every
    singular value as the growth of a compound, without orthogonalisation. By expansion along the first row; meant for n up to 5.
    Source: Horn & Johnson 2013, "Matrix Analysis", 0.8.1.

    Raises:
        InputError: matrices that are not square, or an order outside 1 … n.

    Example:
        >>> compound(torch.diag(torch.tensor([2.0, 3.0, 5.0])), 2).diagonal().tolist()
        [6.0, 10.0, 15.0]
    """
    n = matrices.shape[-1]
    if matrices.ndim < 2 or matrices.shape[-2] != n or not 1 <= order <= n:
        raise InputError(f"`matrices` must be (…, n, n) and `order` in 1 … n, got the shape {tuple(matrices.shape)} and {order!r}")
    minors: dict[tuple[tuple[int, ...], tuple[int, ...]], torch.Tensor] = {((i,), (j,)): matrices[..., i, j] for i in range(n) for j in range(n)}
    for size in range(2, order + 1):
        minors = {
            (rows, columns): sum(
                (matrices[..., rows[0], c] * minors[rows[1:], columns[:k] + columns[k + 1 :]] * (-1.0) ** k for k, c in enumerate(columns)),
                torch.zeros((), dtype=matrices.dtype, device=matrices.device),
            )
            for rows in combinations(range(n), size)
            for columns in combinations(range(n), size)
        }
    sets = list(combinations(range(n), order))
    return torch.stack([torch.stack([minors[rows, columns] for columns in sets], -1) for rows in sets], -2)
