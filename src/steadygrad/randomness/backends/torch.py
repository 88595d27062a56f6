"""The definition's draws by torch's integer operations: the same bits on any device, eager or compiled.

Words are int64 with 32 bits in use; products of two such words wrap, and their upper halves are read by a shift and a mask,
which undoes the sign. On a processor with the C kernel that one is some twenty times faster; this is for the other devices.
Compiled for a GPU, a law with a mean other than 0 may have product and sum fused: one rounding less.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from steadygrad.errors import InputError
from steadygrad.randomness.householder import reflectors
from steadygrad.randomness.law import Independent
from steadygrad.randomness.philox import MASK, MULTIPLIERS, ROUNDS, WEYL
from steadygrad.randomness.quantile import FRACTION_BITS, first_within, ranks, table
from steadygrad.randomness.stream import BLOCK, LANES, checked, key

CHUNK = 1 << 20
REFLECTIONS = 256  # applied at once: the trailing matrix is read and written once for so many
TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def fill(flat: torch.Tensor, law: Independent, *, name: str, seed: int, start: int = 0) -> None:
    """Draw entries start … start + n − 1 into a contiguous tensor of n, on its device.

    Raises:
        InputError: the dtype is not float16, bfloat16, float32 or float64, or seed or start is out of range.

    Example:
        >>> from steadygrad.randomness.backends import numpy as definition
        >>> from steadygrad.randomness.law import normal
        >>> values = torch.empty(200)
        >>> fill(values, normal(0.02), name="fc.weight", seed=7)
        >>> bool((values.numpy() == definition.draw(normal(0.02), 200, name="fc.weight", seed=7)).all())
        True
    """
    if flat.dtype not in TYPES:
        raise InputError(f"a tensor to draw into must be float16, bfloat16, float32 or float64, got {flat.dtype}")
    checked(seed, start, 0, name)
    if law.kind == "constant":
        flat.copy_(torch.tensor(law.mean, dtype=torch.float64 if flat.dtype == torch.float64 else torch.float32))
        return
    segments = _table(flat.device)
    for first, part in _chunks(flat):
        part.copy_(entries(segments, law, start + first, len(part), key(name), seed, flat.dtype))


def orthonormal(normals: NDArray[Any]) -> NDArray[Any]:
    """`householder.orthonormal` by torch's BLAS, which is faster than NumPy's where it is MKL; within a few units in the last place of it.

    On one thread whatever torch is set to: sums that are split among threads have other last bits, and then a matrix would not be the
    same in one process and in many.

    Example:
        >>> q = orthonormal(np.random.default_rng(0).standard_normal((3, 5)))
        >>> bool(np.allclose(q.T @ q, np.eye(3), atol=1e-15))
        True
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _orthonormal(normals)
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def _orthonormal(normals: NDArray[Any]) -> NDArray[Any]:
    n, m = normals.shape
    q = torch.zeros(m, n, dtype=torch.from_numpy(normals[:1]).dtype)
    size = n if n <= REFLECTIONS // 2 else min(REFLECTIONS, n // 4)
    for first in reversed(range(0, n, size)):
        last = min(first + size, n)
        rows, scales, signs = (torch.from_numpy(part) for part in reflectors(normals[first:last, first:]))
        trailing = q[first:, first:]
        trailing.diagonal()[: last - first].copy_(signs.neg_())
        inverse = torch.triu(rows @ rows.T, 1)
        inverse.diagonal().copy_(scales.reciprocal_())
        trailing -= rows.T @ torch.linalg.solve_triangular(inverse, rows @ trailing, upper=True)
    return q.numpy()


def _chunks(flat: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
    for first in range(0, flat.numel(), CHUNK):
        yield first, flat.view(-1)[first : first + CHUNK]


@lru_cache(maxsize=8)
def _table(device: torch.device) -> torch.Tensor:
    return torch.from_numpy(table().view(np.int64).copy()).to(device)


def entries(segments: torch.Tensor, law: Independent, start: int, count: int, key: tuple[int, int], seed: int, dtype: torch.dtype) -> torch.Tensor:
    """`count` entries from `start` on; pure tensor operations, which torch.compile takes as they are."""
    words = stream(start, count, key, seed, segments.device)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    scale, mean = (torch.tensor(number, dtype=wide, device=segments.device) for number in (law.scale, law.mean))
    values = standard(segments, law, words, wide) * scale
    return (values + mean if law.mean != 0.0 else values).to(dtype)


def stream(start: int, count: int, key: tuple[int, int], seed: int, device: torch.device) -> torch.Tensor:
    """The words of these entries; see `randomness.stream`."""
    first, last = start // BLOCK, -(-(start + count) // BLOCK)
    counters = torch.arange(first * LANES, last * LANES, dtype=torch.int64, device=device)
    c0, c1 = counters & MASK, counters >> 32
    c2, c3 = torch.full_like(counters, seed & MASK), torch.full_like(counters, seed >> 32)
    for step in range(ROUNDS):
        k0, k1 = ((k + step * w) & MASK for k, w in zip(key, WEYL, strict=True))
        a, b = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = _high(b) ^ c1 ^ k0, b & MASK, _high(a) ^ c3 ^ k1, a & MASK
    words = torch.stack((c0, c1, c2, c3)).view(4, -1, LANES).transpose(0, 1).reshape(-1)
    return words[start - first * BLOCK :][:count]


def standard(segments: torch.Tensor, law: Independent, words: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    """The law at mean 0 and scale 1."""
    if law.kind == "rademacher":
        return 1 - (words >> 31).to(wide) * 2
    if law.kind == "uniform":
        bits = 32 if wide == torch.float64 else 24
        return ((words >> 32 - bits) * 2 + (1 - (1 << bits))).to(wide) * 2.0**-bits
    if law.kind == "truncated_normal":
        words = truncated(words, law.lower, law.bound)
    return inverse_normal(segments, words).to(wide) * 2.0**-FRACTION_BITS


def inverse_normal(segments: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """As `quantile.inverse_normal`; leading zeros are counted by halving."""
    aligned = (words << 1 | 1) & MASK
    octave = torch.zeros_like(aligned)
    for step in (16, 8, 4, 2, 1):
        small = aligned < 1 << 32 - step
        aligned, octave = torch.where(small, aligned << step, aligned), torch.where(small, octave + step, octave)
    entry = segments[octave << 6 | aligned >> 25 & 63]
    t = aligned << 7 & MASK
    c0, c1, c2 = entry >> 33 & (1 << 31) - 1, entry >> 11 & (1 << 22) - 1, entry & (1 << 11) - 1
    bent = (c1 << 10) - _high((c2 << 13) * t)
    size = c0 - (bent * t >> 42 & (1 << 22) - 1)
    return torch.where(words >= 1 << 31, -size, size)


def truncated(words: torch.Tensor, lower: float, upper: float) -> torch.Tensor:
    """As `quantile.truncated`."""
    sign = 1 << 31
    if lower == -upper:
        first = _first_within(upper)
        return words & sign | first + ((words & sign - 1) * (sign - first) >> 31)
    first, end = _ranks(lower, upper)
    rank = first + (words * (end - first) >> 32 & MASK)
    return torch.where(rank < sign, rank | sign, rank ^ MASK)


def _ranks(lower: float, upper: float) -> tuple[int, int]:
    """Found by bisection in NumPy, which Dynamo must not look into."""
    return ranks(lower, upper)


def _first_within(bound: float) -> int:
    return first_within(bound)


for _function in (_ranks, _first_within):  # what torch.compiler.assume_constant_result does, which imports all of Dynamo for it
    _function._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _high(product: torch.Tensor) -> torch.Tensor:
    return product >> 32 & MASK
