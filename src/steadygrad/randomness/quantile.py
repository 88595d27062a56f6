"""A normal value from a 32-bit word, in integer arithmetic only: the same bits on every machine and device.

Bit 31 of the word is the sign. The other 31 bits m give the odd number q = 2m + 1, and q/2³³ is the probability of a
value beyond z:  z = Φ⁻¹(1 − q/2³³). Its octave is the number of leading zeros of q in 32 bits, its segment the six bits
after the leading one, and t the bits after those as a 32-bit fraction; each of 32 × 64 segments has a quadratic

    z ≈ c0 − t·(c1 − c2·t)

`inverse_normal.npy` holds one little-endian 64-bit word per segment, octave after octave (after a 128-byte header):

    bits 33–63  c0 in units of 2⁻²⁸     bits 11–32  c1 in units of 2⁻²⁸     bits 0–10  c2 in units of 2⁻²⁵

The table is frozen: it *defines* the values. Measured over all 2³¹ magnitudes: max |z − Φ⁻¹| = 2.2944e-8 (0.385 float32
ulp where |z| > ½), root mean square 5.9e-9, and z never decreases as q falls. Max |z| is 6.33796, reached by two words
in 2³²; what a true normal does beyond is missing.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steadygrad.errors import InputError, SteadygradError

Words = NDArray[np.uint64]

FRACTION_BITS = 28
ERROR_BOUND = 2.295e-8
PATH = Path(__file__).with_name("inverse_normal.npy")
CHECKSUM = "4ec5c641b880218697f592f9b7c41f0807b0427dd18073eca4bbac8b7ee87da0"
SIGN = np.uint64(1 << 31)


@lru_cache(maxsize=1)
def table() -> Words:
    """The 2048 packed segments, as shipped.

    Raises:
        SteadygradError: the file is not the one that was published.

    Example:
        >>> len(table())
        2048
    """
    raw = PATH.read_bytes()
    found = sha256(raw).hexdigest()
    if found != CHECKSUM:
        raise SteadygradError(f"`{PATH}` must have SHA-256 {CHECKSUM}, got {found}; reinstall steadygrad")
    packed = np.load(BytesIO(raw), allow_pickle=False).astype(np.uint64)
    packed.flags.writeable = False
    return packed


def inverse_normal(words: Words) -> NDArray[np.int64]:
    """z in units of 2⁻²⁸ for each word (below 2³²); the word with its top bit flipped gives −z.

    Example:
        >>> z = inverse_normal(np.array([2**30, 2**30 + 2**31, 0], np.uint64)) / 2**28  # Φ⁻¹(3/4) and the far tail
        >>> z.round(6).tolist()
        [0.67449, -0.67449, 6.337958]
    """
    magnitude = words & ~SIGN
    q = magnitude << np.uint64(1) | np.uint64(1)
    octave = np.uint64(32) - np.frexp(q.astype(np.float64))[1].astype(np.uint64)  # exact: q has at most 32 bits
    aligned = q << octave
    segment = aligned >> np.uint64(25) & np.uint64(63)
    t = aligned << np.uint64(7) & np.uint64(2**32 - 1)
    entry = table()[(octave << np.uint64(6) | segment).astype(np.intp)]
    c0 = entry >> np.uint64(33)
    c1 = entry >> np.uint64(11) & np.uint64(2**22 - 1)
    c2 = entry & np.uint64(2**11 - 1)
    bent = (c1 << np.uint64(10)) - ((c2 << np.uint64(13)) * t >> np.uint64(32))
    z = (c0 - (bent * t >> np.uint64(42))).astype(np.int64)
    sign = -(words >> np.uint64(31)).astype(np.int64)  # 0 or −1: all bits set
    return (z ^ sign) - sign


@lru_cache(maxsize=64)
def first_within(bound: float) -> int:
    """The smallest magnitude m with z ≤ bound: magnitudes from there on are a normal truncated to ±bound.

    Found by bisection on `inverse_normal` itself, so that no floating-point tail probability enters.

    Example:
        >>> round(first_within(2.0) / 2**31, 6)  # P(|z| > 2)
        0.0455
    """
    limit = bound * 2.0**FRACTION_BITS
    low, high = -1, 2**31 - 1
    while high - low > 1:
        middle = (low + high) // 2
        if inverse_normal(np.array([middle], dtype=np.uint64))[0] <= limit:
            high = middle
        else:
            low = middle
    return high


def truncated(words: Words, lower: float, upper: float) -> Words:
    """Words whose values lie in [lower, upper], in units of the standard deviation.

    Symmetric bounds keep the sign and map the 31-bit magnitude m onto those inside; others map the rank r of the word among all 2³²,
    from the most negative value up:

        m′ = m₀ + ⌊m·(2³¹ − m₀)/2³¹⌋,  m₀ = first_within(upper)        r′ = r₀ + ⌊word·(r₁ − r₀)/2³²⌋,  (r₀, r₁) = ranks(lower, upper)

    Example:
        >>> z = inverse_normal(truncated(np.array([0, 2**31], np.uint64), -2.0, 2.0)) / 2**28
        >>> z.round(6).tolist()
        [2.0, -2.0]
    """
    if lower == -upper:
        first = first_within(upper)
        magnitude = words & ~SIGN
        return words & SIGN | np.uint64(first) + (magnitude * np.uint64(2**31 - first) >> np.uint64(31))
    first, end = ranks(lower, upper)
    return word_of_rank(np.uint64(first) + (words * np.uint64(end - first) >> np.uint64(32)))


def word_of_rank(rank: Words) -> Words:
    """The word whose value is the rank-th of all, from the most negative up.

    Example:
        >>> word_of_rank(np.array([0, 2**31 - 1, 2**31, 2**32 - 1], np.uint64)).tolist()  # −6.3, just below 0, just above, 6.3
        [2147483648, 4294967295, 2147483647, 0]
    """
    return np.where(rank < SIGN, rank | SIGN, rank ^ np.uint64(2**32 - 1))


@lru_cache(maxsize=64)
def ranks(lower: float, upper: float) -> tuple[int, int]:
    """The first rank with lower ≤ z and the first after it with z > upper.

    Raises:
        InputError: no value lies between.

    Example:
        >>> ranks(0.0, np.inf) == (2**31, 2**32)
        True
    """

    def first_where(holds: Callable[[float], bool]) -> int:
        low, high = -1, 2**32
        while high - low > 1:
            middle = (low + high) // 2
            value = inverse_normal(word_of_rank(np.array([middle], dtype=np.uint64)))[0] / 2.0**FRACTION_BITS
            low, high = (low, middle) if holds(value) else (middle, high)
        return high

    first, end = first_where(lambda z: z >= lower), first_where(lambda z: z > upper)
    if first == end:
        raise InputError(f"a truncated normal must have a value between its cuts, got {lower!r} and {upper!r} standard deviations")
    return first, end
