/* Magnitudes of chunks without an entry that is not finite, for AVX-512: how many exponent fields are equal to each of the
   few that occur. Included for the types of 32 bits and less, with LOAD as in statistics_avx512.h. */

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
