/* Two loops of statistics_loops.h written out for AVX-512, where compilers leave half the speed: the same lanes in the
   same order, so the same bits. Included for the types of 32 bits and less, with LOAD(p, bits, low, high) defined: sixteen
   entries as float32 bits and as two vectors of doubles. */

/* Lane sums of one whole block; the largest magnitudes and the zeros so far. NaNs show in the sums alone. */
INLINE TARGET void NAME(whole_block)(const WORD *p, Sums *block, __m512 largest[2], __m512i zeros[2]) {
    const __m512i sizes = _mm512_set1_epi32(0x7fffffff), one = _mm512_set1_epi32(1);
    __m512d sum[4], square[4];
    for (int k = 0; k < 4; k++) sum[k] = square[k] = _mm512_setzero_pd();
    for (int row = 0; row < BLOCK / LANES; row++, p += LANES)
        for (int k = 0; k < 2; k++) {
            __m512i bits;
            __m512d low, high;
            LOAD(p + 16 * k, bits, low, high);
            _mm_prefetch((const char *)(p + 16 * k) + 4096, _MM_HINT_T0);
            sum[2 * k] = _mm512_add_pd(sum[2 * k], low), sum[2 * k + 1] = _mm512_add_pd(sum[2 * k + 1], high);
            square[2 * k] = _mm512_fmadd_pd(low, low, square[2 * k]);
            square[2 * k + 1] = _mm512_fmadd_pd(high, high, square[2 * k + 1]);
            largest[k] = _mm512_range_ps(largest[k], _mm512_castsi512_ps(bits), 11); /* the larger magnitude */
            const __mmask16 zero = _mm512_testn_epi32_mask(bits, sizes);
            zeros[k] = _mm512_mask_add_epi32(zeros[k], zero, zeros[k], one);
        }
    for (int k = 0; k < 4; k++) {
        _mm512_storeu_pd(block->sum + 8 * k, sum[k]);
        _mm512_storeu_pd(block->square + 8 * k, square[k]);
    }
}

/* As element_chunk with `masked` 0, four blocks at a time: the first two floors of the tree stay in the cache. */
TARGET static BITS NAME(finite_chunk)(const WORD *p, int64_t n, Sums *root, int64_t *zero) {
    __m512 largest[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512i zeros[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    BITS rest_largest[LANES] = {0}, rest_zeros[LANES] = {0};
    int64_t i = 0;
    Tree tree;
    tree.count = 0;
    while (i < n) {
        Sums block[4];
        for (int k = 0; k < 4; k++) {
            if (i + BLOCK <= n) {
                NAME(whole_block)(p + i, &block[k], largest, zeros);
                i += BLOCK;
            } else {
                const int rows = (int)(n - i) / LANES, rest = (int)(n - i) % LANES;
                memset(&block[k], 0, sizeof block[k]);
                NAME(element_rows)(p + i, rows, LANES, 0, &block[k], rest_largest, rest_zeros);
                NAME(element_rows)(p + i + rows * LANES, 1, rest, 0, &block[k], rest_largest, rest_zeros);
                i = n;
            }
        }
        add_sums(&block[0], &block[1]), add_sums(&block[2], &block[3]), add_sums(&block[0], &block[2]);
        tree_push(&tree, &block[0]);
    }
    tree_finish(&tree, root);
    BITS most = (BITS)_mm512_reduce_max_epu32(_mm512_castps_si512(_mm512_max_ps(largest[0], largest[1])));
    *zero = _mm512_reduce_add_epi32(_mm512_add_epi32(zeros[0], zeros[1]));
    for (int lane = 0; lane < LANES; lane++) {
        most = rest_largest[lane] > most ? rest_largest[lane] : most;
        if (root->sum[lane] != root->sum[lane]) most = INFINITE;
        *zero += (int64_t)rest_zeros[lane];
    }
    return most;
}

#define PIECE 8192 /* exponent fields held as bytes at once; each byte of a counter sees PIECE / 64 of them */

/* The exponent fields of 64 entries, in any order: nobody asks which is whose. */
INLINE TARGET __m512i NAME(fields)(const WORD *p) {
    const __m512i top = _mm512_set1_epi32((int)0xff000000u);
    __m512i quarter[4];
    for (int k = 0; k < 4; k++) {
        __m512d low, high;
        LOAD(p + 16 * k, quarter[k], low, high);
        (void)low, (void)high;
        quarter[k] = _mm512_and_si512(_mm512_add_epi32(quarter[k], quarter[k]), top);
    }
    const __m512i one = _mm512_or_si512(_mm512_srli_epi32(quarter[0], 24), _mm512_srli_epi32(quarter[1], 16));
    return _mm512_or_si512(one, _mm512_or_si512(_mm512_srli_epi32(quarter[2], 8), quarter[3]));
}

/* How many of `vectors` times 64 fields are top, top - 1 … top - 7: added to bins below; the number of them all. */
TARGET static int64_t NAME(eight_octaves)(const __m512i *fields, int vectors, int top, int64_t *bins) {
    __m512i wanted[8], count[8];
    int64_t all = 0;
    for (int k = 0; k < 8; k++) wanted[k] = _mm512_set1_epi8((char)(top - k)), count[k] = _mm512_setzero_si512();
    for (int v = 0; v < vectors; v++) {
        const __m512i x = fields[v];
        for (int k = 0; k < 8; k++) {
            const __mmask64 same = _mm512_cmpeq_epi8_mask(x, wanted[k]);
            count[k] = _mm512_mask_sub_epi8(count[k], same, count[k], _mm512_set1_epi8(-1));
        }
    }
    for (int k = 0; k < 8 && top - k > 0; k++) {
        const int64_t found = _mm512_reduce_add_epi64(_mm512_sad_epu8(count[k], _mm512_setzero_si512()));
        bins[-k] += found, all += found;
    }
    return all;
}

/* Magnitudes of finite entries of which the largest and the number of zeros are known. */
TARGET static void NAME(octaves)(const WORD *p, int64_t n, BITS most, int64_t zeros, Magnitudes *found) {
    __m512i fields[PIECE / 64];
    const int top = (int)(most >> 23);
    int64_t none = 0, i = 0, *bins = found->bins - 127 - LOWEST;
    for (int vectors; (vectors = (int)((n - i < PIECE ? n - i : PIECE) / 64)); i += vectors * 64) {
        int64_t left = vectors * 64;
        for (int v = 0; v < vectors; v++) {
            fields[v] = NAME(fields)(p + i + 64 * v);
            left -= __builtin_popcountll(_mm512_testn_epi8_mask(fields[v], fields[v]));
        }
        none += vectors * 64 - left;
        int below = top;
        for (; left && below > 0 && below > top - 32; below -= 8)
            left -= NAME(eight_octaves)(fields, vectors, below, bins + below);
        for (int j = 0; left && j < vectors * 64; j++) {
            const int field = ((const uint8_t *)fields)[j];
            if (field && field <= below) bins[field]++, left--;
        }
    }
    for (; i < n; i++) {
        const int field = (int)(SIZE(TO_BITS(p[i])) >> 23);
        if (field) bins[field]++;
        none += field == 0;
    }
    if (none != zeros || top >= 127 + 15) NAME(extremes)(p, n, found);
    else found->zeros += zeros;
}
#undef PIECE
#undef LOAD
