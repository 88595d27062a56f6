"""What the C kernel computes, in NumPy: the same bits, and the reader of CPU tensors where the kernel was not built.

Numbers come as float64 arrays, or as float32 arrays holding the exact values of float32, float16 or bfloat16 tensors.

Sums are float64 sums in a fixed order, so that they depend neither on threads nor on the machine:
  all entries   rows of 32 lanes; 16 rows are added one after the other into a block of 32 lane sums; blocks are added in
                pairs, pairs in pairs … (missing blocks are 0); the 32 lanes by halves: 16 + 16, 8 + 8, …, 1 + 1.
  per unit      each run of `inner` neighbours: rows of 32 lanes one after the other, then the lanes by halves; the runs
                one after the other along `outer`.
A product x·x of float32 values is exact in float64. Error bounds: |Σ computed − Σ| <= d · 2⁻⁵³ · Σ|x| with depth
d = 16 + log2(n/512) + 5 over all entries, d = outer + inner/32 + 5 per unit (Higham 2002, §4.2).

The hash of a unit is Σ_k w_k · m(b_k) modulo 2⁶⁴ over its entries: b the bits of the entry (of its float32 value, or of
the float64), m a bijection that spreads differences to the low bits, w_k a product of odd pseudo-random 64-bit weights of
the outer and inner position (multilinear hashing, Carter & Wegman 1979; SplitMix64, Steele et al. 2014).
"""

import numpy as np

LANES, ROWS = 32, 16
BLOCK = LANES * ROWS
SEGMENT = 1024
LOWEST, HIGHEST = -150, 128
BINS = HIGHEST - LOWEST + 1
FP16_LARGEST = 65504.0
MIX32 = np.uint64(0x9E3779B1)
MIX64 = np.uint64(0x9E3779B97F4A7C15)


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
