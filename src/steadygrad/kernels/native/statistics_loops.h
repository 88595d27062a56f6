/* Loops over all entries and over magnitudes, written once. Included with WORD, BITS, REAL, WIDE, TO_BITS, NAME, TARGET
   and ADD_SQUARE defined, for every number type and instruction set. All inner loops run over independent lanes, so that
   any compiler may turn them into vector code without reordering a sum. Finite data takes the short way; a chunk with an
   entry that is not finite is gone through again with such entries masked out. */

#define SIGN ((BITS)1 << TOP)
#define SIZE(bits) ((bits) & (BITS)~SIGN)
#define INFINITE ((BITS)(WIDE ? 0x7ff0000000000000u : 0x7f800000u))
#define TOP (sizeof(BITS) * 8 - 1)
/* Of a magnitude, without branches: all ones or 0; 1 or 0. */
#define FINITE(size) ((BITS)0 - (((size) - INFINITE) >> TOP))
#define ZERO(size) (((size) - 1) >> TOP)

INLINE REAL NAME(real)(BITS bits) {
    REAL x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The last entries of a tensor, with zeros behind them up to a whole block; how many of those a chunk of n has. */
#define FILLED_UP(n) ((BLOCK - (n) % BLOCK) % BLOCK)
INLINE const WORD *NAME(filled_up)(const WORD *p, int64_t n, WORD *block) {
    memcpy(block, p, (size_t)n * sizeof *p);
    memset(block + n, 0, (size_t)(BLOCK - n) * sizeof *p);
    return block;
}

/* How a chunk is summed: in float32 within a block, in float64, or so with entries that are not finite masked out. */
#define SHORT 0
#define LONG 1
#define MASKED 2

#define ELEMENT(place)                                                                                                 \
    {                                                                                                                  \
        const BITS all = TO_BITS(p[place]), bits = how == MASKED ? all & FINITE(SIZE(all)) : all, size = SIZE(bits);   \
        const double x = (double)NAME(real)(bits);                                                                     \
        s += x;                                                                                                        \
        q = ADD_SQUARE(x, q);                                                                                          \
        m = size > m ? size : m;                                                                                       \
        z += ZERO(SIZE(all));                                                                                          \
    }
#define SHORT_ELEMENT(place)                                                                                           \
    {                                                                                                                  \
        const BITS bits = TO_BITS(p[place]), size = SIZE(bits);                                                        \
        const REAL x = NAME(real)(bits) * scale;                                                                       \
        s += x;                                                                                                        \
        q += x * x;                                                                                                    \
        m = size > m ? size : m;                                                                                       \
        z += ZERO(size);                                                                                               \
    }

INLINE void NAME(block)(const WORD *restrict p, int how, Sums *restrict sums, BITS *restrict largest,
                        BITS *restrict zeros) {
    for (int lane = 0; lane < LANES; lane++) {
        double s = 0, q = 0;
        BITS m = largest[lane], z = zeros[lane];
        SIXTEEN_ROWS(ELEMENT)
        sums->sum[lane] = s, sums->square[lane] = q, largest[lane] = m, zeros[lane] = z;
    }
}

INLINE void NAME(short_block)(const WORD *restrict p, REAL scale, Sums *restrict sums, BITS *restrict largest,
                              BITS *restrict zeros) {
    for (int lane = 0; lane < LANES; lane++) {
        REAL s = 0, q = 0;
        BITS m = largest[lane], z = zeros[lane];
        SIXTEEN_ROWS(SHORT_ELEMENT)
        sums->sum[lane] = s, sums->square[lane] = q, largest[lane] = m, zeros[lane] = z;
    }
}

/* Lane sums to `root`, short ones of entries times `scale`; the largest magnitude returned, its bits beyond INFINITE when
   something was not finite. */
INLINE BITS NAME(chunk)(const WORD *p, int64_t n, int how, REAL scale, Sums *root, int64_t *zero) {
    BITS largest[LANES] = {0}, zeros[LANES] = {0}, most = 0, none = 0;
    WORD last[BLOCK];
    Tree tree;
    tree.count = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        Sums sums;
        const WORD *place = i + BLOCK <= n ? p + i : NAME(filled_up)(p + i, n - i, last);
        if (how == SHORT) NAME(short_block)(place, scale, &sums, largest, zeros);
        else NAME(block)(place, how, &sums, largest, zeros);
        tree_push(&tree, &sums);
    }
    tree_finish(&tree, root);
    for (int lane = 0; lane < LANES; lane++) {
        most = largest[lane] > most ? largest[lane] : most;
        none += zeros[lane];
    }
    *zero = (int64_t)none - FILLED_UP(n);
    return most;
}

#ifdef LOAD
#include "statistics_avx512.h"
#define KNOWN_MAGNITUDES 1
#define FINITE_CHUNK NAME(finite_chunk)
#else
#define FINITE_CHUNK NAME(chunk)
#endif
/* One copy of the code each, out of line. */
TARGET static BITS NAME(long_chunk)(const WORD *p, int64_t n, Sums *root, int64_t *zero) {
    return FINITE_CHUNK(p, n, LONG, 1, root, zero);
}
TARGET static BITS NAME(masked_chunk)(const WORD *p, int64_t n, Sums *root, int64_t *zero) {
    return NAME(chunk)(p, n, MASKED, 1, root, zero);
}
#if !WIDE
TARGET static BITS NAME(largest)(const WORD *p, int64_t n) {
    BITS most = 0;
    for (int64_t i = 0; i < (n < BLOCK ? n : BLOCK); i++) most = SIZE(TO_BITS(p[i])) > most ? SIZE(TO_BITS(p[i])) : most;
    return most;
}
/* The power of two that brings a magnitude to [1, 2), as far as a float can; 1 near 1. */
INLINE REAL NAME(scale)(BITS size) {
    int field = 254 - (int)(size >> 23);
    if (abs(field - 127) <= NEAR_ONE) field = 127;
    return NAME(real)((BITS)(field < 1 ? 1 : field) << 23);
}

/* Short sums, scaled back; `serves` tells whether float32 was enough: no square overflowed, and the mean takes at most half
   of the second moment. */
TARGET static BITS NAME(short_chunk)(const WORD *p, int64_t n, REAL scale, Sums *root, int64_t *zero, int *serves) {
    const double back = 1 / (double)scale;
    const BITS most = FINITE_CHUNK(p, n, SHORT, scale, root, zero);
    for (int lane = 0; lane < LANES; lane++) root->sum[lane] *= back, root->square[lane] *= back * back;
    Sums total = *root;
    join_lanes(total.sum, total.square);
    *serves = (double)NAME(real)(most) * (double)scale <= SHORT_MOST &&
              total.sum[0] * total.sum[0] <= 0.5 * (double)n * total.square[0];
    return most;
}
/* Decided by the first block that is not all 0, as gradients of units that are off are, and by the whole. */
TARGET static BITS NAME(served_chunk)(const WORD *p, int64_t n, Sums *root, int64_t *zero) {
    int64_t at = 0;
    BITS most = NAME(largest)(p, n);
    while (!most && at + BLOCK < n) at += BLOCK, most = NAME(largest)(p + at, n - at);
    const REAL scale = NAME(scale)(most);
    const int64_t first = n - at < BLOCK ? n - at : BLOCK;
    int serves;
    most = NAME(short_chunk)(p + at, first, scale, root, zero, &serves);
    if (serves && n > first) most = NAME(short_chunk)(p, n, scale, root, zero, &serves);
    return serves ? most : NAME(long_chunk)(p, n, root, zero);
}
#endif

/* floor(log2) of a finite non-zero magnitude, clipped to the bins */
INLINE int NAME(bin)(BITS size) {
    const int field = WIDE ? 52 : 23, bias = WIDE ? 1023 : 127;
    int exponent = (int)(size >> field) - bias;
    if (exponent == -bias)
        for (exponent = 1 - bias - field; size >>= 1;) exponent++;
    return (exponent < LOWEST ? LOWEST : exponent > HIGHEST ? HIGHEST : exponent) - LOWEST;
}

#if WIDE
TARGET static void NAME(magnitudes)(const WORD *p, int64_t n, Magnitudes *found) {
    for (int64_t i = 0; i < n; i++) {
        const BITS size = SIZE(p[i]);
        if (size == 0) found->zeros++;
        else if (size >= INFINITE) found->nonfinite++;
        else found->bins[NAME(bin)(size)]++, found->large += NAME(real)(size) >= 65504;
    }
}
#else
/* Entries whose exponent field does not say enough: zero or subnormal, 2^15 and above. */
TARGET static void NAME(extremes)(const WORD *p, int64_t n, Magnitudes *found) {
    int64_t large = 0, small = 0, zeros = 0;
    for (int64_t i = 0; i < n; i++) {
        const BITS size = SIZE(TO_BITS(p[i]));
        large += (size >= 0x477fe000u) & (size < INFINITE);
        small += size < 0x00800000u;
        zeros += size == 0;
    }
    found->large += large, found->zeros += zeros;
    for (int64_t i = 0; small > zeros && i < n; i++) {
        const BITS size = SIZE(TO_BITS(p[i]));
        if (size && size < 0x00800000u) found->bins[NAME(bin)(size)]++;
    }
}

/* Exponent fields into eight tables, so that equal neighbours do not wait for each other. */
TARGET static void NAME(magnitudes)(const WORD *p, int64_t n, Magnitudes *found) {
    uint32_t table[8][256];
    uint8_t field[BLOCK];
    int64_t extreme = 0;
    memset(table, 0, sizeof table);
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int size = n - i < BLOCK ? (int)(n - i) : BLOCK;
        for (int j = 0; j < size; j++) field[j] = (uint8_t)(TO_BITS(p[i + j]) >> 23);
        int j = 0;
        for (; j + 8 <= size; j += 8)
            for (int k = 0; k < 8; k++) table[k][field[j + k]]++;
        for (; j < size; j++) table[0][field[j]]++;
    }
    for (int f = 0; f < 256; f++) {
        int64_t total = 0;
        for (int k = 0; k < 8; k++) total += table[k][f];
        if (f > 0 && f < 255) found->bins[f - 127 - LOWEST] += total;
        if (f == 255) found->nonfinite += total;
        if (f == 0 || (f >= 127 + 15 && f < 255)) extreme += total;
    }
    if (extreme) NAME(extremes)(p, n, found);
}
#endif

#ifdef LOAD
#include "octaves_avx512.h"
#endif

/* One chunk: lane sums to `root`, everything else added to `found` and `bins`. */
TARGET static void NAME(elements)(const void *data, int64_t start, int64_t n, Sums *root, Elements *found,
                                  Magnitudes *bins) {
    const WORD *p = (const WORD *)data + start;
    int64_t zeros;
#if WIDE
    BITS most = NAME(long_chunk)(p, n, root, &zeros);
#else
    BITS most = NAME(served_chunk)(p, n, root, &zeros);
#endif
    const int odd = most >= INFINITE;
    if (odd) {
        most = NAME(masked_chunk)(p, n, root, &zeros);
        for (int64_t i = 0; i < n; i++) {
            const BITS bits = TO_BITS(p[i]);
            found->nan += SIZE(bits) > INFINITE;
            found->posinf += bits == INFINITE;
            found->neginf += bits == (INFINITE | SIGN);
        }
    }
    found->zeros += zeros;
    if ((double)NAME(real)(most) > found->largest) found->largest = (double)NAME(real)(most);
    if (!bins) return;
#ifdef KNOWN_MAGNITUDES
    if (!odd) {
        NAME(octaves)(p, n, most, zeros, bins);
        return;
    }
#endif
    NAME(magnitudes)(p, n, bins);
}

#include "unit_loops.h"

static const Loops NAME(loops) = {NAME(elements), NAME(units), NAME(square)};

#undef SIGN
#undef SIZE
#undef INFINITE
#undef TOP
#undef FINITE
#undef ZERO
#undef ELEMENT
#undef SHORT_ELEMENT
#undef SHORT
#undef LONG
#undef MASKED
#undef FILLED_UP
#undef FINITE_CHUNK
#undef KNOWN_MAGNITUDES
#ifdef LOAD
#undef LOAD
#endif
