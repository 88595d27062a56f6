/* Eight lanes of 64 bits. FLOAT_SIGNED: magnitude in bits 0-30, sign in bit 31. */
#define WIDTH 8
#define V __m512i
#define F __m256
#define D __m512d
#define SET1(x) _mm512_set1_epi64((long long)(x))
#define COUNT_FROM(x) _mm512_add_epi64(SET1(x), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0))
#define ADD(x, y) _mm512_add_epi64(x, y)
#define SUB(x, y) _mm512_sub_epi64(x, y)
#define MUL(x, y) _mm512_mul_epu32(x, y)
#define SHR(x, n) _mm512_srli_epi64(x, n)
#define SHL(x, n) _mm512_slli_epi64(x, n)
#define AND(x, y) _mm512_and_si512(x, y)
#define OR(x, y) _mm512_or_si512(x, y)
#define HIGH(x) _mm512_shuffle_epi32(x, (_MM_PERM_ENUM)0xF5)
#define AND_OR(x, mask, y) _mm512_ternarylogic_epi64(x, mask, y, 0xEA)
#define XOR3(x, y, z) _mm512_ternarylogic_epi64(x, y, z, 0x96)
#define GATHER(index) NAME(looked_up)(index)
#define BITS_OF(d) _mm512_castpd_si512(d)
#define DOUBLE_OF(v) _mm512_castsi512_pd(v)
#define SUB_D(x, y) _mm512_sub_pd(x, y)
#define MUL_D(x, y) _mm512_mul_pd(x, y)
#define ADD_D(x, y) _mm512_add_pd(x, y)
#define SET1_D(x) _mm512_set1_pd(x)
#define MUL_F(x, y) _mm256_mul_ps(x, y)
#define ADD_F(x, y) _mm256_add_ps(x, y)
#define SET1_F(x) _mm256_set1_ps(x)
#define NARROW(v) _mm512_cvtepi64_epi32(v)
#define TOP256 _mm256_set1_epi32((int)0x80000000u)
#define WITH_SIGN(x, v) _mm256_or_ps(x, _mm256_castsi256_ps(_mm256_and_si256(v, TOP256)))
#define FLOAT_SIGNED(v) WITH_SIGN(_mm256_cvtepi32_ps(_mm256_andnot_si256(TOP256, NARROW(v))), NARROW(v))
#define FLOAT_ODD(v)                                                                                                   \
    _mm256_cvtepi32_ps(                                                                                                \
        _mm256_sub_epi32(_mm256_slli_epi32(_mm256_srli_epi32(NARROW(v), 8), 1), _mm256_set1_epi32((1 << 24) - 1)))
#define FLOAT_SIGN(v) WITH_SIGN(_mm256_set1_ps(1.0f), NARROW(v))
#define STORE_SINGLE(p, x) _mm256_storeu_ps(p, x)
#define STORE_DOUBLE(p, x) _mm512_storeu_pd(p, x)
#define STORE_HALF(p, x) _mm_storeu_si128((__m128i *)(p), _mm256_cvtps_ph(x, 0))
#define STORE_BRAIN(p, x)                                                                                              \
    {                                                                                                                  \
        const __m256i bits = _mm256_castps_si256(x);                                                                   \
        const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));                       \
        const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(_mm256_set1_epi32(0x7fff), odd));                   \
        _mm_storeu_si128((__m128i *)(p), _mm256_cvtepi32_epi16(_mm256_srli_epi32(up, 16)));                            \
    }
/* Eight plain loads: the processors' own gathers take two to three times as long (microcode; on Intel's also the guard against
   stale data). Indices fit into 32 bits, so that two of them leave the vector unit at a time. */
INLINE V NAME(looked_up)(V index) {
    const uint64_t *entry = (const uint64_t *)DRAW_ORIGIN;
    const __m256i at = _mm512_cvtepi64_epi32(index);
    const __m128i low = _mm256_castsi256_si128(at), high = _mm256_extracti128_si256(at, 1);
    const uint64_t a = (uint64_t)_mm_cvtsi128_si64(low), b = (uint64_t)_mm_extract_epi64(low, 1);
    const uint64_t c = (uint64_t)_mm_cvtsi128_si64(high), d = (uint64_t)_mm_extract_epi64(high, 1);
    return _mm512_set_epi64((long long)entry[d >> 32], (long long)entry[(uint32_t)d], (long long)entry[c >> 32],
                            (long long)entry[(uint32_t)c], (long long)entry[b >> 32], (long long)entry[(uint32_t)b],
                            (long long)entry[a >> 32], (long long)entry[(uint32_t)a]);
}
