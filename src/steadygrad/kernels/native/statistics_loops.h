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

#define ELEMENT(place)                                                                                                 \
    {                                                                                                                  \
        const BITS all = TO_BITS(p[place]), bits = masked ? all & FINITE(SIZE(all)) : all, size = SIZE(bits);          \
        const double x = (double)NAME(real)(bits);                                                                     \
        s += x;                                                                                                        \
        q = ADD_SQUARE(x, q);                                                                                          \
        m = size > m ? size : m;                                                                                       \
        z += ZERO(SIZE(all));                                                                                          \
    }

INLINE void NAME(element_rows)(const WORD *restrict p, int rows, int lanes, int masked, Sums *restrict sums,
                               BITS *restrict largest, BITS *restrict zeros) {
    for (int lane = 0; lane < lanes; lane++) {
        double s = sums->sum[lane], q = sums->square[lane];
        BITS m = largest[lane], z = zeros[lane];
        for (int row = 0; row < rows; row++) ELEMENT(row * LANES + lane)
        sums->sum[lane] = s, sums->square[lane] = q, largest[lane] = m, zeros[lane] = z;
    }
}

INLINE void NAME(element_block)(const WORD *restrict p, int masked, Sums *restrict sums, BITS *restrict largest,
                                BITS *restrict zeros) {
    for (int lane = 0; lane < LANES; lane++) {
        double s = 0, q = 0;
        BITS m = largest[lane], z = zeros[lane];
        SIXTEEN_ROWS(ELEMENT)
        sums->sum[lane] = s, sums->square[lane] = q, largest[lane] = m, zeros[lane] = z;
    }
}

/* Lane sums to `root`, the largest magnitude returned, its bits beyond INFINITE when something was not finite. */
INLINE BITS NAME(element_chunk)(const WORD *p, int64_t n, int masked, Sums *root, int64_t *zero) {
    BITS largest[LANES] = {0}, zeros[LANES] = {0}, most = 0, none = 0;
    int64_t i = 0;
    Tree tree;
    tree.count = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        Sums block;
        NAME(element_block)(p + i, masked, &block, largest, zeros);
        tree_push(&tree, &block);
    }
    if (i < n) {
        Sums block = {{0}, {0}};
        const int rows = (int)(n - i) / LANES, rest = (int)(n - i) % LANES;
        NAME(element_rows)(p + i, rows, LANES, masked, &block, largest, zeros);
        NAME(element_rows)(p + i + rows * LANES, 1, rest, masked, &block, largest, zeros);
        tree_push(&tree, &block);
    }
    tree_finish(&tree, root);
    for (int lane = 0; lane < LANES; lane++) {
        most = largest[lane] > most ? largest[lane] : most;
        none += zeros[lane];
    }
    *zero = (int64_t)none;
    return most;
}

#ifndef LOAD
TARGET static BITS NAME(finite_chunk)(const WORD *p, int64_t n, Sums *root, int64_t *zero) {
    return NAME(element_chunk)(p, n, 0, root, zero);
}
#endif
TARGET static BITS NAME(masked_chunk)(const WORD *p, int64_t n, Sums *root, int64_t *zero) {
    return NAME(element_chunk)(p, n, 1, root, zero);
}

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
#include "statistics_avx512.h"
#define KNOWN_MAGNITUDES 1
#endif

/* One chunk: lane sums to `root`, everything else added to `found` and `bins`. */
TARGET static void NAME(elements)(const void *data, int64_t start, int64_t n, Sums *root, Elements *found,
                                  Magnitudes *bins) {
    const WORD *p = (const WORD *)data + start;
    int64_t zeros;
    BITS most = NAME(finite_chunk)(p, n, root, &zeros);
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
#undef KNOWN_MAGNITUDES
