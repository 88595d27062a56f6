"""The definition of every draw.

    float32 and narrower   round_dtype(float32(z)·float32(scale) + float32(mean))
    float64                float64(z)·scale + mean

z is an integer times a power of two: 2⁻²⁸ for normal laws, odd multiples of 2⁻²⁴ (of 2⁻³² in float64) in (−1, 1) for
uniform ones. Every step rounds once, to nearest even: the conversion, the product, the sum (left out when the mean is
0, and never fused with the product), and the last conversion to a narrower dtype. A float64 draw has the 32 bits of
its word behind it, not 53.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from steadygrad.errors import InputError
from steadygrad.randomness.law import Law
from steadygrad.randomness.normal import FRACTION_BITS, inverse_normal, truncated
from steadygrad.randomness.stream import words

DTYPES = ("float16", "float32", "float64")
CHUNK = 1 << 14  # entries at a time, so that intermediate arrays stay in cache
Scalar = Any  # np.float32 or np.float64: NumPy's stubs cannot express arithmetic generic in them


def draw(law: Law, shape: int | tuple[int, ...], dtype: DTypeLike = "float32", *, name: str, seed: int = 0, start: int = 0) -> NDArray[np.floating]:
    """An array of independent draws from `law`; entry i (row-major) depends on (seed, name, start + i) alone.

    Args:
        law: what to draw.
        shape: of the result.
        dtype: float16, float32 or float64.
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
    wanted = np.dtype(dtype)
    if wanted.name not in DTYPES:
        raise InputError(f"`dtype` must be one of {', '.join(DTYPES)}, got {wanted.name}")
    result = np.empty(shape, dtype=wanted)
    flat = result.reshape(-1)
    wide: Scalar = np.float64 if wanted == np.float64 else np.float32
    words(name, seed, start, 0)  # refuses a bad seed for constant and empty tensors too
    for first in range(0, flat.size, CHUNK):
        part = flat[first : first + CHUNK]
        if law.kind == "constant":
            values = np.zeros(part.size, wide)
        else:
            values = _standard(law, words(name, seed, start + first, part.size), wide) * wide(law.scale)
        if law.mean != 0.0:
            values += wide(law.mean)
        part[:] = values
    return result


def _standard(law: Law, stream: NDArray[np.uint64], wide: Scalar) -> NDArray[np.floating]:
    """The law at mean 0 and scale 1."""
    if law.kind == "uniform":
        bits = 32 if wide is np.float64 else 24
        odd = (stream >> np.uint64(32 - bits)).astype(np.int64) * 2 + 1 - (1 << bits)
        return odd.astype(wide) * wide(2.0**-bits)
    if law.kind == "truncated_normal":
        stream = truncated(stream, law.bound)
    return inverse_normal(stream).astype(wide) * wide(2.0**-FRACTION_BITS)
