/* Blocks and chunks of statistics_loops.h written out for AVX-512, where compilers leave half the speed: the same lanes in
   the same order, so the same bits. Included for the types of 32 bits and less, with LOAD(p, bits, low, high) defined:
   sixteen entries as float32 bits and as two vectors of doubles. */

typedef struct {
    __m512 largest[2], least[2]; /* magnitudes; NaNs show in the sums alone */
    __m512i zeros[2];
} NAME(Extremes);

INLINE TARGET __mmask16 NAME(zero)(__m512i bits) { return _mm512_testn_epi32_mask(bits, _mm512_set1_epi32(0x7fffffff)); }
INLINE TARGET void NAME(count)(__m512i bits, NAME(Extremes) *seen, int k) {
    seen->zeros[k] = _mm512_mask_add_epi32(seen->zeros[k], NAME(zero)(bits), seen->zeros[k], _mm512_set1_epi32(1));
}

/* The larger magnitude; and zeros counted, or the smaller one, which is one instruction less and tells whether there are any. */
INLINE TARGET void NAME(see)(__m512i bits, int counting, NAME(Extremes) *seen, int k) {
    const __m512 x = _mm512_castsi512_ps(bits);
    seen->largest[k] = _mm512_range_ps(seen->largest[k], x, 11);
    if (counting) NAME(count)(bits, seen, k);
    else seen->least[k] = _mm512_range_ps(seen->least[k], x, 10);
}

/* Lane sums of one whole block. */
INLINE TARGET void NAME(long_vectors)(const WORD *p, int counting, Sums *block, NAME(Extremes) *seen) {
    __m512d sum[4], square[4];
    for (int k = 0; k < 4; k++) sum[k] = square[k] = _mm512_setzero_pd();
#pragma GCC unroll 4
    for (int row = 0; row < BLOCK / LANES; row++, p += LANES)
        for (int k = 0; k < 2; k++) {
            __m512i bits;
            __m512d low, high;
            LOAD(p + 16 * k, bits, low, high);
            _mm_prefetch((const char *)(p + 16 * k) + 4096, _MM_HINT_T0);
            sum[2 * k] = _mm512_add_pd(sum[2 * k], low), sum[2 * k + 1] = _mm512_add_pd(sum[2 * k + 1], high);
            square[2 * k] = _mm512_fmadd_pd(low, low, square[2 * k]);
            square[2 * k + 1] = _mm512_fmadd_pd(high, high, square[2 * k + 1]);
            NAME(see)(bits, counting, seen, k);
        }
    for (int k = 0; k < 4; k++) {
        _mm512_storeu_pd(block->sum + 8 * k, sum[k]);
        _mm512_storeu_pd(block->square + 8 * k, square[k]);
    }
}

/* The same of entries times `scale` in float32: half the vectors, and nothing to convert but the sums. */
INLINE TARGET void NAME(short_vectors)(const WORD *p, REAL scale, int counting, Sums *block, NAME(Extremes) *seen) {
    __m512 sum[2], square[2];
    for (int k = 0; k < 2; k++) sum[k] = square[k] = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int row = 0; row < BLOCK / LANES; row++, p += LANES)
        for (int k = 0; k < 2; k++) {
            __m512i bits;
            __m512d low, high;
            LOAD(p + 16 * k, bits, low, high);
            (void)low, (void)high;
            _mm_prefetch((const char *)(p + 16 * k) + 4096, _MM_HINT_T0);
            const __m512 x = _mm512_mul_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(scale));
            sum[k] = _mm512_add_ps(sum[k], x);
            square[k] = _mm512_add_ps(square[k], _mm512_mul_ps(x, x));
            NAME(see)(bits, counting, seen, k);
        }
    for (int k = 0; k < 2; k++) {
        _mm512_storeu_pd(block->sum + 16 * k, _mm512_cvtps_pd(_mm512_castps512_ps256(sum[k])));
        _mm512_storeu_pd(block->sum + 16 * k + 8, _mm512_cvtps_pd(_mm512_extractf32x8_ps(sum[k], 1)));
        _mm512_storeu_pd(block->square + 16 * k, _mm512_cvtps_pd(_mm512_castps512_ps256(square[k])));
        _mm512_storeu_pd(block->square + 16 * k + 8, _mm512_cvtps_pd(_mm512_extractf32x8_ps(square[k], 1)));
    }
}

/* One block; whether zeros are to be counted from now on, which begins with the first block that may have any. */
INLINE TARGET int NAME(vectors)(const WORD *p, int how, REAL scale, int counting, Sums *block, NAME(Extremes) *seen) {
    if (how == LONG && counting) NAME(long_vectors)(p, 1, block, seen);
    else if (how == LONG) NAME(long_vectors)(p, 0, block, seen);
    else if (scale == 1 && counting) NAME(short_vectors)(p, 1, 1, block, seen);
    else if (scale == 1) NAME(short_vectors)(p, 1, 0, block, seen);
    else NAME(short_vectors)(p, scale, counting = 1, block, seen);
    if (counting) return 1;
    const __m512i least = _mm512_castps_si512(_mm512_range_ps(seen->least[0], seen->least[1], 10));
    if (!_mm512_cmplt_epu32_mask(least, _mm512_set1_epi32(0x00800000))) return 0; /* subnormals may be taken for zeros */
    for (int place = 0; place < BLOCK; place += 16) {
        __m512i bits;
        __m512d low, high;
        LOAD(p + place, bits, low, high);
        (void)low, (void)high;
        NAME(count)(bits, seen, place / 16 % 2);
    }
    return 1;
}

/* As chunk, SHORT or LONG, four blocks at a time: the first two floors of the tree stay in the cache. A single block needs no tree. */
INLINE TARGET BITS NAME(finite_chunk)(const WORD *p, int64_t n, int how, REAL scale, Sums *root, int64_t *zero) {
    NAME(Extremes) seen;
    for (int k = 0; k < 2; k++) seen.largest[k] = _mm512_setzero_ps(), seen.least[k] = _mm512_set1_ps(FLT_MAX), seen.zeros[k] = _mm512_setzero_si512();
    WORD last[BLOCK];
    if (n <= BLOCK) {
        NAME(vectors)(n == BLOCK ? p : NAME(filled_up)(p, n, last), how, scale, 1, root, &seen);
    } else {
        Tree tree;
        tree.count = 0;
        int counting = 0;
        for (int64_t i = 0; i < n;) {
            Sums block[4];
            for (int k = 0; k < 4; k++, i += BLOCK) {
                if (i >= n) {
                    memset(&block[k], 0, sizeof block[k]);
                    continue;
                }
                const WORD *place = i + BLOCK <= n ? p + i : NAME(filled_up)(p + i, n - i, last);
                counting = NAME(vectors)(place, how, scale, counting, &block[k], &seen);
            }
            add_sums(&block[0], &block[1]), add_sums(&block[2], &block[3]), add_sums(&block[0], &block[2]);
            tree_push(&tree, &block[0]);
        }
        tree_finish(&tree, root);
    }
    const __m512 largest = _mm512_max_ps(seen.largest[0], seen.largest[1]);
    BITS most = (BITS)_mm512_reduce_max_epu32(_mm512_castps_si512(largest));
    for (int lane = 0; lane < LANES; lane++)
        if (root->sum[lane] != root->sum[lane]) most = INFINITE;
    *zero = _mm512_reduce_add_epi32(_mm512_add_epi32(seen.zeros[0], seen.zeros[1])) - FILLED_UP(n);
    return most;
}
