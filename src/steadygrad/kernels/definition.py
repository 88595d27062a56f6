"""What the C kernel computes, in NumPy: the same bits, and the reader of CPU tensors where the kernel was not built.

Numbers come as float64 arrays, or as float32 arrays holding the exact values of float32, float16 or bfloat16 tensors.

Sums are taken in a fixed order, so that they depend neither on threads nor on the machine:
  all entries   rows of 32 lanes; 16 rows are added one after the other into a block of 32 lane sums; blocks are added in
                pairs, pairs in pairs … (missing blocks are 0); the 32 lanes by halves: 16 + 16, 8 + 8, …, 1 + 1. All
                this in float64, except that the 16 rows of a block are squared and added in float32 ("short sums") in
                chunks of 64 blocks of numbers of 32 bits and less where that serves: entries are multiplied by the power
                of two (2⁻¹²⁶ to 2¹²⁷) that brings the largest magnitude of the chunk's first block that is not all 0 to [1, 2),
                by 1 where that is between 2⁻²⁴ and 2²⁵, and its lane sums back; it serves when all entries are finite, none
                is larger than 2⁶⁰ then, and S² <= ½ n Q for the short sums S and Q of n entries, those of that block and
                those of the whole chunk.
  per unit, inner < 64     positions apart along `outer`, one row after the other; then the 64 positions (missing ones
                are 0) by halves.
  per unit, inner >= 64    each run of `inner` neighbours: rows of 32 lanes one after the other, the lanes by halves; the
                runs one after the other along `outer`.
Entries that are not finite count as 0 in sums. Squares of float32 values are exact in float64; those of float64 round once.
Error bounds: |Σ computed − Σ| <= d · 2⁻⁵³ · Σ|x| with depth d = 16 + ⌈log2(n/512)⌉ + 5 over all entries, and
d = outer + ⌈inner/32⌉ + 6 per unit (Higham 2002, Accuracy and Stability, §4.2); one more for squares of float64. Short sums
add 15 · 2⁻²⁴ · Σ|x| over their chunks, and to squares 16 · 2⁻²⁴ · Σx², a millionth (squares beyond 2⁶⁰ could overflow, none that
counts underflows; where the mean takes more than half of the second moment, the variance left would carry the error of the whole).

The hash of a unit is Σ_k w_k · m(b_k) modulo 2⁶⁴ over its entries: b the bits of the entry (of its float32 value, or of
the float64), m a bijection that spreads differences to the low bits, w_k a product of odd pseudo-random 64-bit weights of
the outer and inner position (multilinear hashing, Carter & Wegman 1979; SplitMix64, Steele et al. 2014).
"""

import numpy as np

LANES, ROWS, RUN, SEGMENT = 32, 16, 64, 1024
BLOCK = LANES * ROWS
CHUNK = 64 * BLOCK
"""Entries that are summed in one way."""
SHORT_MOST = 2.0**60
NEAR_ONE = 24
PIECE = 32 * CHUNK
"""Entries held as float64 at once; a power of two of chunks, so that the pairs come out the same."""
LOWEST, HIGHEST = -150, 128
BINS = HIGHEST - LOWEST + 1
FP16_LARGEST = 65504.0
MIX32 = np.uint32(0x9E3779B1)
MIX64 = np.uint64(0x9E3779B97F4A7C15)


def halves(x: np.ndarray) -> np.ndarray:
    """Sum over axis 0, whose length is a power of two: the upper half onto the lower until one is left."""
    while len(x) > 1:
        x = x[: len(x) // 2] + x[len(x) // 2 :]
    return x[0]


def pairs(x: np.ndarray) -> np.ndarray:
    """Sum over axis 0: neighbours in pairs, pairs in pairs, with zeros where there is none."""
    while len(x) > 1:
        even, odd = x[0::2], x[1::2]
        x = even.copy()
        x[: len(odd)] += odd
    return x[0]


def in_turn(x: np.ndarray) -> np.ndarray:
    """Sum over axis 0, one after the other, starting from 0, in the type of `x`."""
    total = np.zeros(x.shape[1:], x.dtype)
    for entry in x:
        total += entry
    return total


def padded(x: np.ndarray, axis: int, multiple: int) -> np.ndarray:
    """`x` with zeros appended along `axis` up to a multiple of `multiple`."""
    missing = -x.shape[axis] % multiple
    return np.pad(x, [(0, missing if a == axis else 0) for a in range(x.ndim)]) if missing else x


def _finite(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), x, 0).astype(np.float64)


def _squared(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return x * x


def _lanes(x: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """(chunks, 2, 32): float64 lane sums of x and of its squares, (chunks, blocks, 16, 32) both."""
    blocks = in_turn(np.moveaxis(np.stack([x, squares], axis=1), 3, 0)).astype(np.float64)
    return pairs(np.moveaxis(blocks, 2, 0))


def _piece(x: np.ndarray) -> np.ndarray:
    """(2, 32): lane sums of x and of x² of a piece, each of its chunks summed as serves it."""
    count = -(-len(x) // CHUNK)
    whole = padded(x, 0, BLOCK if count == 1 else CHUNK).reshape(count, -1, ROWS, LANES)
    kept = _finite(whole)
    lanes = _lanes(kept, _squared(kept))
    if x.dtype == np.float32:
        entries = np.minimum(len(x) - CHUNK * np.arange(count), CHUNK)
        begins = (whole != 0).any((2, 3)).argmax(1)
        block = whole[np.arange(count), begins]
        scale = _scales(block)
        _, first = _short(block[:, None], scale, np.minimum(entries - BLOCK * begins, BLOCK))
        short, serves = _short(whole, scale, entries)
        lanes[first & serves] = short[first & serves]
    return pairs(lanes)


def _short(x: np.ndarray, scale: np.ndarray, entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Short lane sums of (chunks, blocks, 16, 32), and for which chunks they serve."""
    x = x * scale[:, None, None, None]
    back = 1 / scale.astype(np.float64)
    lanes = _lanes(x, x * x) * np.stack([back, back * back], axis=1)[:, :, None]
    total, square = halves(np.moveaxis(lanes, 2, 0)).T
    return lanes, (np.abs(x).max((1, 2, 3)) <= SHORT_MOST) & (total * total <= 0.5 * entries * square)


def _scales(first: np.ndarray) -> np.ndarray:
    """The power of two, for each (16, 32) block, that brings its largest magnitude to [1, 2), 1 near 1; float32 has no more than 2¹²⁷."""
    fields = ((first.view(np.uint32) & np.uint32(0x7FFFFFFF)).max((1, 2)) >> np.uint32(23)).astype(np.int64)
    orders = np.where(np.abs(127 - fields) <= NEAR_ONE, 0, 127 - fields)
    return np.ldexp(np.float32(1), np.maximum(orders, -126))


def widened(bits: np.ndarray, brain: bool) -> np.ndarray:
    """The float32 values of bfloat16 (`brain`) or float16 numbers given by their uint16 bits; NaNs keep theirs."""
    wide = bits.astype(np.uint32)
    if brain:
        return (wide << np.uint32(16)).view(np.float32)
    size, sign = wide & np.uint32(0x7FFF), (wide & np.uint32(0x8000)) << np.uint32(16)
    nan = sign | np.uint32(0x7F800000) | (size << np.uint32(13))
    with np.errstate(invalid="ignore"):
        exact = bits.view(np.float16).astype(np.float32).view(np.uint32)
    return np.where(size > 0x7C00, nan, exact).view(np.float32)


def moments(x: np.ndarray) -> tuple[int, float, float, float, int, int, int, int]:
    """Count, Σ x, Σ x², max |x|, zeros, NaN, +inf, −inf of a flat array; see the record of the same name."""
    with np.errstate(over="ignore", invalid="ignore"):
        pieces = [_piece(x[start : start + PIECE]) for start in range(0, len(x), PIECE)]
        total, square = halves(pairs(np.stack(pieces)).T) if pieces else (0.0, 0.0)
    largest = float(np.abs(_finite(x)).max(initial=0.0))
    odd = x[~np.isfinite(x)]
    nan, posinf = int(np.isnan(odd).sum()), int((odd > 0).sum())
    zeros = len(x) - int(np.count_nonzero(x))
    return len(x), float(total), float(square), largest, zeros, nan, posinf, len(odd) - nan - posinf


def histogram(x: np.ndarray) -> tuple[tuple[int, ...], int, int, int, int]:
    """Counts of floor(log2 |x|), then count, zeros, not finite, finite with |x| >= 65504, of a flat array."""
    finite = np.isfinite(x)
    zeros = len(x) - int(np.count_nonzero(x))
    kept = np.abs(x[finite & (x != 0)])
    exponents = np.frexp(kept)[1] - 1  # frexp has 0.5 <= mantissa < 1
    counts = np.bincount(np.clip(exponents, LOWEST, HIGHEST) - LOWEST, minlength=BINS)
    large = int((kept >= FP16_LARGEST).sum())
    return tuple(counts.tolist()), len(x), zeros, len(x) - int(finite.sum()), large


def sums_per_unit(x: np.ndarray) -> np.ndarray:
    """Σ over outer and inner of a finite (outer, units, inner) array, in the order of the module's docstring."""
    inner = x.shape[2]
    if inner < RUN:
        columns = in_turn(x)
        return columns[:, 0] if inner == 1 else halves(padded(columns, 1, RUN).T)
    rows = padded(x, 2, LANES).reshape(*x.shape[:2], -1, LANES)
    lanes = in_turn(np.moveaxis(rows, 2, 0))
    return in_turn(halves(np.moveaxis(lanes, 2, 0)))


def units(x: np.ndarray, low: float, high: float) -> tuple[np.ndarray, ...]:
    """Per unit of an (outer, units, inner) array: the arrays of `UnitStatistics` from `sum` to `hash`."""
    if x.size == 0:
        return no_entries(x.shape[1])
    both = (0, 2)
    with np.errstate(over="ignore", invalid="ignore"):
        kept = _finite(x)
        sums = sums_per_unit(kept), sums_per_unit(_squared(kept)), np.abs(kept).max(both)
    bits = x.view(np.uint64 if x.dtype == np.float64 else np.uint32)
    differ = (bits != bits[:1, :, :1]).any(both)
    counts = [mask.sum(both) for mask in (x == 0, ~np.isfinite(x), (x < low) | (x > high))]
    return (*sums, *counts, ~differ, hashes(bits))


def hashes(bits: np.ndarray) -> np.ndarray:
    """The 64-bit hash per unit of (outer, units, inner) bits, uint32 or uint64."""
    wide = bits.dtype == np.uint64
    mixed = bits * (MIX64 if wide else MIX32)
    mixed ^= mixed >> (np.uint64(32) if wide else np.uint32(15))
    return (mixed.astype(np.uint64) * weights(bits.shape[0], bits.shape[2])[:, None, :]).sum((0, 2), dtype=np.uint64)


def weight(place: np.ndarray) -> np.ndarray:
    """The odd 64-bit weight of each position: SplitMix64 of it with the lowest bit set."""
    z = (place.astype(np.uint64) + np.uint64(1)) * MIX64
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) | np.uint64(1)


def weights(outer: int, inner: int) -> np.ndarray:
    """(outer, inner) uint64: weight(o) · weight(2⁴⁰ + i div 1024) · weight(2⁴¹ + i mod 1024) modulo 2⁶⁴."""
    place = np.arange(inner, dtype=np.uint64)
    segment = weight(place // np.uint64(SEGMENT) + np.uint64(1 << 40))
    inside = weight(place % np.uint64(SEGMENT) + np.uint64(1 << 41))
    return weight(np.arange(outer, dtype=np.uint64))[:, None] * (segment * inside)[None, :]


def no_entries(units: int) -> tuple[np.ndarray, ...]:
    """What `units` returns for units without entries."""
    reals, whole = np.zeros((3, units)), np.zeros((3, units), np.int64)
    return (*reals, *whole, np.ones(units, bool), np.zeros(units, np.uint64))


def threshold(low: float | None, high: float | None, wide: bool) -> tuple[float, float]:
    """`low` and `high` as numbers of the compared type that split its values the same way; ±inf where not given.

    A float32 x lies below `low` exactly when it lies below the smallest float32 that is not below `low`.
    """
    if low is None and high is None:
        return -np.inf, np.inf
    low, high = -np.inf if low is None else float(low), np.inf if high is None else float(high)
    if wide:
        return low, high
    with np.errstate(over="ignore"):
        up, down = np.float32(low), np.float32(high)
    up = np.nextafter(up, np.float32(np.inf)) if float(up) < low else up
    down = np.nextafter(down, np.float32(-np.inf)) if float(down) > high else down
    return float(up), float(down)
