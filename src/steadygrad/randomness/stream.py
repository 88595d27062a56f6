"""Which word belongs to which entry: one Philox stream for every (seed, tensor name).

    key      = BLAKE2b(name without wrappers), 64 bits, little-endian: two words
    counter  = (32·block + lane as 64 bits, seed as 64 bits): four words, least significant first
    entry i  = word w of that counter, for  i = 128·block + 32·w + lane,  w < 4, lane < 32

so 128 neighbouring entries come from 32 neighbouring counters, contiguous for SIMD lanes and GPU warps. The seed is
part of the counter, not added to the key: two streams meet only where two names' hashes do (2⁻⁶⁴ per pair).
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from steadygrad.errors import InputError
from steadygrad.randomness.philox import MASK, philox4x32

Words = NDArray[np.uint64]

BLOCK, LANES = 128, 32
WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}


def bare_name(name: str) -> str:
    """A parameter's path without what compilation and data-parallel wrappers add to it.

    `_orig_mod`, `_fsdp_wrapped_module` and `_checkpoint_wrapped_module` go wherever they stand; `module` only in front,
    because further in it may be the user's own name.

    Example:
        >>> bare_name("module._orig_mod.layers.0.weight")
        'layers.0.weight'
    """
    if "_mod" not in name and not name.startswith("module."):
        return name  # no wrapper's name is without one of these
    parts = [part for part in name.split(".") if part not in WRAPPERS]
    while len(parts) > 1 and parts[0] == "module":
        parts.pop(0)
    return ".".join(parts)


def key(name: str) -> tuple[int, int]:
    """The two key words of a tensor's name.

    Example:
        >>> key("module.fc.weight") == key("fc.weight")
        True
        >>> [f"{word:08x}" for word in key("fc.weight")]
        ['05ba26ca', '73d2d3db']
    """
    digest = blake2b(bare_name(name).encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def checked(seed: int, start: int, count: int, name: str) -> tuple[int, int]:
    """The two words of a seed, low first.

    Raises:
        InputError: seed outside [0, 2⁶⁴), or start or count negative.

    Example:
        >>> checked(2**32 + 5, 0, 1, "fc.weight")
        (5, 1)
    """
    whole = type(seed) is int or (isinstance(seed, int | np.integer) and not isinstance(seed, bool))  # the usual type first: unions take a while
    if not (whole and 0 <= seed < 2**64):
        raise InputError(f"`seed` must be an integer in [0, 2**64), got {seed!r}")
    if start < 0 or count < 0:
        raise InputError(f"`start` and `count` of `{name}` must be at least 0, got {start!r} and {count!r}")
    return int(seed) & MASK, int(seed) >> 32


def words(name: str, seed: int, start: int, count: int) -> Words:
    """The words of entries start … start + count − 1, each below 2³² in a uint64 array.

    Any part of a stream can be had without the rest: words(…, start, count) is words(…, 0, start + count)[start:].

    Raises:
        InputError: seed outside [0, 2⁶⁴), or start or count negative.

    Example:
        >>> words("fc.weight", 0, 0, 3).tolist() == words("fc.weight", 0, 0, 200).tolist()[:3]
        True
    """
    low, high = checked(seed, start, count, name)
    first, last = start // BLOCK, -(-(start + count) // BLOCK)
    counters = np.arange(first * LANES, last * LANES, dtype=np.uint64)
    counter = (
        counters & np.uint64(MASK),
        counters >> np.uint64(32),
        np.full_like(counters, low),
        np.full_like(counters, high),
    )
    outputs = philox4x32(counter, key(name))
    lanes = np.stack(outputs).reshape(4, -1, LANES).transpose(1, 0, 2).reshape(-1)
    return lanes[start - first * BLOCK :][:count]
