"""Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key, with no state.

Source: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.3 (Random123).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

ROUNDS = 10
MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)


def philox4x32(counter: Sequence[Words], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """The four output words for each counter, each below 2³² in a uint64 array.

    Args:
        counter: four arrays of one shape, each below 2³², least significant word first.
        key: two words below 2³².

    Example:
        >>> zero = np.zeros(1, np.uint64)
        >>> [f"{word.item():08x}" for word in philox4x32([zero] * 4, (0, 0))]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    for step in range(ROUNDS):
        k0, k1 = (np.uint64((k + step * w) & MASK) for k, w in zip(key, WEYL, strict=True))
        a, b = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1, c2, c3 = _high(b) ^ c1 ^ k0, _low(b), _high(a) ^ c3 ^ k1, _low(a)
    return c0, c1, c2, c3


def _high(product: Words) -> Words:
    return product >> np.uint64(32)


def _low(product: Words) -> Words:
    return product & np.uint64(MASK)
