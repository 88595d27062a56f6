"""The definition of every draw.

    float32 and narrower   round_dtype(float32(z)·float32(scale) + float32(mean)); bfloat16 as its bits in uint16
    float64                float64(z)·scale + mean

z is an integer times a power of two: 2⁻²⁸ for normal laws, odd multiples of 2⁻²⁴ (of 2⁻³² in float64) in (−1, 1) for
uniform ones; ±1 for Rademacher's, with the sign of the normal value of the same word. Every step rounds once, to nearest
even: the conversion, the product, the sum (left out when the mean is 0, and never fused with the product), and the last
conversion to a narrower dtype. A float64 draw has the 32 bits of its word behind it, not 53.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadygrad.errors import InputError
from steadygrad.randomness.law import Independent
from steadygrad.randomness.quantile import FRACTION_BITS, inverse_normal, truncated
from steadygrad.randomness.stream import checked, words

DTYPES = ("float16", "bfloat16", "float32", "float64")
CHUNK = 1 << 14  # entries at a time, so that intermediate arrays stay in cache
Array = NDArray[Any]
Scalar = Any  # np.float32 or np.float64: NumPy's stubs cannot express arithmetic generic in them


def draw(law: Independent, shape: int | tuple[int, ...], dtype: str = "float32", *, name: str, seed: int = 0, start: int = 0) -> Array:
    """An array of independent draws from `law`; entry i (row-major) depends on (seed, name, start + i) alone.

    Args:
        law: what to draw.
        shape: of the result.
        dtype: float16, bfloat16 (returned as uint16 bits), float32 or float64.
        name: the tensor's path in its model; names that wrappers add are ignored.
        seed: in [0, 2⁶⁴).
        start: index of the first entry in the whole tensor, for a shard of consecutive rows.

    Raises:
        InputError: another dtype, or seed or start out of range.

    Example:
        >>> from steadygrad.randomness.law import normal
        >>> whole = draw(normal(0.02), (4, 3), name="fc.weight", seed=7)
        >>> shard = draw(normal(0.02), (2, 3), name="module.fc.weight", seed=7, start=6)
        >>> bool((whole[2:] == shard).all())
        True
    """
    result = np.empty(shape, dtype=storage(dtype))
    fill(result.reshape(1, -1), law, dtype, name=name, seed=seed, start=start)
    return result


def storage(dtype: str) -> np.dtype:
    """The NumPy dtype that holds `dtype`: its own, or uint16 for bfloat16.

    Raises:
        InputError: not one of DTYPES.
    """
    if str(dtype) not in DTYPES:
        raise InputError(f"`dtype` must be one of {', '.join(DTYPES)}, got {dtype}")
    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def fill(rows: Array, law: Independent, dtype: str, *, name: str, seed: int, start: int = 0, stride: int = 0) -> None:
    """Draw into a (rows, run) array: row r holds the tensor's entries start + r·stride … + run − 1, so that a shard draws its own alone."""
    wide: Scalar = np.float64 if dtype == "float64" else np.float32
    checked(seed, start, 0, name)  # refuses a bad seed for constant and empty tensors too
    for r, row in enumerate(rows):
        for first in range(0, row.size, CHUNK):
            part = row[first : first + CHUNK]
            values = _values(law, name, seed, start + r * stride + first, part.size, wide)
            part[:] = bfloat16_bits(values) if dtype == "bfloat16" else values


def bfloat16_bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Finite float32 values rounded to the nearest bfloat16, ties to even, as bits.

    Example:
        >>> [hex(bits) for bits in bfloat16_bits(np.array([1.0, 1.00390625, 1.01171875], np.float32))]
        ['0x3f80', '0x3f80', '0x3f82']
    """
    bits = values.view(np.uint32)
    return (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1)) >> np.uint32(16)).astype(np.uint16)


def _values(law: Independent, name: str, seed: int, start: int, count: int, wide: Scalar) -> Array:
    if law.kind == "constant":
        return np.full(count, law.mean, wide)
    with np.errstate(under="ignore"):
        values = _standard(law, words(name, seed, start, count), wide) * wide(law.scale)
    return values + wide(law.mean) if law.mean != 0.0 else values


def _standard(law: Independent, stream: NDArray[np.uint64], wide: Scalar) -> Array:
    """The law at mean 0 and scale 1."""
    if law.kind == "rademacher":
        return wide(1.0) - (stream >> np.uint64(31)).astype(wide) * wide(2.0)
    if law.kind == "uniform":
        bits = 32 if wide is np.float64 else 24
        odd = (stream >> np.uint64(32 - bits)).astype(np.int64) * 2 + 1 - (1 << bits)
        return odd.astype(wide) * wide(2.0**-bits)
    if law.kind == "truncated_normal":
        stream = truncated(stream, law.lower, law.bound)
    return inverse_normal(stream).astype(wide) * wide(2.0**-FRACTION_BITS)
