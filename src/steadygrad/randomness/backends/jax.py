"""The definition's draws by JAX: the same bits, traceable, on whatever device JAX runs; needs no 64-bit mode but for float64.

Words are uint32; the upper half of a product is put together from products of 16-bit halves.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from steadygrad.errors import InputError, MissingExtra
from steadygrad.randomness.law import Independent
from steadygrad.randomness.philox import MASK, MULTIPLIERS, ROUNDS, WEYL
from steadygrad.randomness.quantile import FRACTION_BITS, first_within, ranks, table
from steadygrad.randomness.stream import BLOCK, LANES, checked, key

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise MissingExtra(f"drawing JAX arrays needs jax, got {error}; `pip install jax`") from error

Words = Any  # uint32 arrays


def draw(law: Independent, shape: int | tuple[int, ...], dtype: str = "float32", *, name: str, seed: int = 0, start: int = 0) -> Any:
    """As `backends.numpy.draw`; bfloat16 is JAX's own.

    Raises:
        InputError: another dtype, seed or start out of range, or float64 without JAX's 64-bit mode.

    Example:
        >>> from steadygrad.randomness.backends import numpy as definition  # doctest: +SKIP
        >>> from steadygrad.randomness.law import normal  # doctest: +SKIP
        >>> bool((draw(normal(0.02), (3, 5), name="w") == definition.draw(normal(0.02), (3, 5), name="w")).all())  # doctest: +SKIP
        True
    """
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        raise InputError(f"`dtype` must be one of float16, bfloat16, float32, float64, got {dtype!r}")
    if dtype == "float64" and not jax.config.jax_enable_x64:
        raise InputError(f"JAX must be in 64-bit mode to draw {dtype}, got jax_enable_x64 = False; jax.config.update('jax_enable_x64', True)")
    checked(seed, start, 0, name)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    wide = jnp.float64 if dtype == "float64" else jnp.float32
    count = int(np.prod(shape, dtype=np.int64))
    if law.kind == "constant":
        values = jnp.full(count, law.mean, wide)
    else:
        values = standard(law, stream(start, count, key(name), seed), wide) * wide(law.scale)
        if law.mean != 0.0:  # no |x| reaches 8, but a minimum in between keeps compilers from rounding product and sum as one
            values = jnp.minimum(values, wide(min(8.0 * law.scale, float(jnp.finfo(wide).max)))) + wide(law.mean)
    return values.astype(dtype).reshape(shape)


def stream(start: int, count: int, key: tuple[int, int], seed: int) -> Words:
    """The words of these entries; see `randomness.stream`."""
    first, last = start // BLOCK, -(-(start + count) // BLOCK)
    steps, begin = jnp.arange((last - first) * LANES, dtype=jnp.uint32), first * LANES
    c0 = steps + jnp.uint32(begin & MASK)
    c1 = jnp.uint32(begin >> 32) + (c0 < steps).astype(jnp.uint32)  # the carry
    c2, c3 = jnp.full_like(c0, seed & MASK), jnp.full_like(c0, seed >> 32)
    for step in range(ROUNDS):
        k0, k1 = (jnp.uint32((k + step * w) & MASK) for k, w in zip(key, WEYL, strict=True))
        m0, m1 = map(jnp.uint32, MULTIPLIERS)
        c0, c1, c2, c3 = high(c2, m1) ^ c1 ^ k0, c2 * m1, high(c0, m0) ^ c3 ^ k1, c0 * m0
    words = jnp.stack((c0, c1, c2, c3)).reshape(4, -1, LANES).transpose(1, 0, 2).reshape(-1)
    return words[start - first * BLOCK :][:count]


def high(x: Words, y: Words) -> Words:
    """⌊x·y/2³²⌋ of words."""
    x0, x1, y0, y1 = x & 0xFFFF, x >> 16, y & 0xFFFF, y >> 16
    middle = x1 * y0 + (x0 * y0 >> 16)
    return x1 * y1 + (middle >> 16) + (x0 * y1 + (middle & 0xFFFF) >> 16)


def standard(law: Independent, words: Words, wide: Any) -> Any:
    """The law at mean 0 and scale 1."""
    if law.kind == "rademacher":
        return wide(1) - (words >> 31).astype(wide) * wide(2)
    if law.kind == "uniform" and wide is jnp.float64:
        return (words.astype(jnp.int64) * 2 + (1 - (1 << 32))).astype(wide) * wide(2.0**-32)
    if law.kind == "uniform":
        return ((words >> 8).astype(jnp.int32) * 2 + (1 - (1 << 24))).astype(wide) * wide(2.0**-24)
    if law.kind == "truncated_normal":
        words = truncated(words, law.lower, law.bound)
    return inverse_normal(words).astype(wide) * wide(2.0**-FRACTION_BITS)


def inverse_normal(words: Words) -> Any:
    """As `quantile.inverse_normal`, in int32."""
    q = words << 1 | 1
    octave = jax.lax.clz(q)
    aligned = q << octave
    index, t = (octave << 6 | aligned >> 25 & 63).astype(jnp.int32), aligned << 7
    upper, lower = (jnp.asarray(half)[index] for half in _halves())
    c0, c1, c2 = upper >> 1, (upper & 1) << 21 | lower >> 11, lower & 2047
    bent = (c1 << 10) - high(c2 << 13, t)
    size = (c0 - (high(bent, t) >> 10)).astype(jnp.int32)
    return jnp.where(words >> 31 == 1, -size, size)


def truncated(words: Words, lower: float, upper: float) -> Words:
    """As `quantile.truncated`."""
    if lower == -upper:
        first = first_within(upper)
        return words & jnp.uint32(1 << 31) | jnp.uint32(first) + high(words << 1, jnp.uint32(2**31 - first))
    first, end = ranks(lower, upper)
    if end - first == 1 << 32:
        return _word_of_rank(words)
    return _word_of_rank(jnp.uint32(first) + high(words, jnp.uint32(end - first)))


def _word_of_rank(rank: Words) -> Words:
    return jnp.where(rank >> 31 == 0, rank | jnp.uint32(1 << 31), ~rank)


@lru_cache(maxsize=1)
def _halves() -> tuple[Any, Any]:
    return (table() >> np.uint64(32)).astype(np.uint32), (table() & np.uint64(MASK)).astype(np.uint32)
