/* Four lanes of 64 bits. FLOAT_SIGNED: magnitude in bits 0-30, sign in bit 31. */
#define WIDTH 4
#define V __m256i
#define F __m128
#define D __m256d
#define SET1(x) _mm256_set1_epi64x((long long)(x))
#define COUNT_FROM(x) _mm256_add_epi64(SET1(x), _mm256_set_epi64x(3, 2, 1, 0))
#define ADD(x, y) _mm256_add_epi64(x, y)
#define SUB(x, y) _mm256_sub_epi64(x, y)
#define MUL(x, y) _mm256_mul_epu32(x, y)
#define SHR(x, n) _mm256_srli_epi64(x, n)
#define SHL(x, n) _mm256_slli_epi64(x, n)
#define AND(x, y) _mm256_and_si256(x, y)
#define OR(x, y) _mm256_or_si256(x, y)
#define HIGH(x) _mm256_shuffle_epi32(x, 0xF5)
#define AND_OR(x, mask, y) OR(AND(x, mask), y)
#define XOR3(x, y, z) _mm256_xor_si256(_mm256_xor_si256(x, y), z)
#define GATHER(index) NAME(looked_up)(index)
#define BITS_OF(d) _mm256_castpd_si256(d)
#define DOUBLE_OF(v) _mm256_castsi256_pd(v)
#define SUB_D(x, y) _mm256_sub_pd(x, y)
#define MUL_D(x, y) _mm256_mul_pd(x, y)
#define ADD_D(x, y) _mm256_add_pd(x, y)
#define SET1_D(x) _mm256_set1_pd(x)
#define MUL_F(x, y) _mm_mul_ps(x, y)
#define ADD_F(x, y) _mm_add_ps(x, y)
#define SET1_F(x) _mm_set1_ps(x)
#define NARROW(v) _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(v, _mm256_set_epi32(6, 4, 2, 0, 6, 4, 2, 0)))
#define TOP128 _mm_set1_epi32((int)0x80000000u)
#define WITH_SIGN(x, v) _mm_or_ps(x, _mm_castsi128_ps(_mm_and_si128(v, TOP128)))
#define FLOAT_SIGNED(v) WITH_SIGN(_mm_cvtepi32_ps(_mm_andnot_si128(TOP128, NARROW(v))), NARROW(v))
#define FLOAT_ODD(v)                                                                                                   \
    _mm_cvtepi32_ps(_mm_sub_epi32(_mm_slli_epi32(_mm_srli_epi32(NARROW(v), 8), 1), _mm_set1_epi32((1 << 24) - 1)))
#define FLOAT_SIGN(v) WITH_SIGN(_mm_set1_ps(1.0f), NARROW(v))
#define STORE_SINGLE(p, x) _mm_storeu_ps(p, x)
#define STORE_DOUBLE(p, x) _mm256_storeu_pd(p, x)
#define STORE_HALF(p, x) _mm_storel_epi64((__m128i *)(p), _mm_cvtps_ph(x, 0))
#define STORE_BRAIN(p, x)                                                                                              \
    {                                                                                                                  \
        const __m128i bits = _mm_castps_si128(x), odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));    \
        const __m128i up = _mm_add_epi32(bits, _mm_add_epi32(_mm_set1_epi32(0x7fff), odd));                            \
        _mm_storel_epi64((__m128i *)(p), _mm_packus_epi32(_mm_srli_epi32(up, 16), _mm_setzero_si128()));               \
    }
/* Four plain loads: see draw_avx512.h. */
INLINE V NAME(looked_up)(V index) {
    const uint64_t *entry = (const uint64_t *)DRAW_ORIGIN;
    const __m128i at = NARROW(index);
    const uint64_t a = (uint64_t)_mm_cvtsi128_si64(at), b = (uint64_t)_mm_extract_epi64(at, 1);
    return _mm256_set_epi64x((long long)entry[b >> 32], (long long)entry[(uint32_t)b], (long long)entry[a >> 32],
                             (long long)entry[(uint32_t)a]);
}
