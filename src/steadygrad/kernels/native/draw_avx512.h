/* V: eight lanes of 64 bits; F: sixteen floats, made of two V. */
#define WIDTH 8
#define V __m512i
#define F __m512
#define D __m512d
#define SET1(x) _mm512_set1_epi64((long long)(x))
#define COUNT_FROM(x) _mm512_add_epi64(SET1(x), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0))
#define ADD(x, y) _mm512_add_epi64(x, y)
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE(p, v) _mm512_storeu_si512(p, v)
#define SUB(x, y) _mm512_sub_epi64(x, y)
#define MUL(x, y) _mm512_mul_epu32(x, y)
#define SHR(x, n) _mm512_srli_epi64(x, n)
#define SHL(x, n) _mm512_slli_epi64(x, n)
#define AND(x, y) _mm512_and_si512(x, y)
#define OR(x, y) _mm512_or_si512(x, y)
#define HIGH(x) _mm512_shuffle_epi32(x, (_MM_PERM_ENUM)0xF5)
#define HIGH_UNDER(x, top) _mm512_mask_shuffle_epi32(top, 0x5555, x, (_MM_PERM_ENUM)0xF5)
#define AND_OR(x, mask, y) _mm512_ternarylogic_epi64(x, mask, y, 0xEA)
#define XOR3(x, y, z) _mm512_ternarylogic_epi64(x, y, z, 0x96)
#define BITS_OF(d) _mm512_castpd_si512(d)
#define DOUBLE_OF(v) _mm512_castsi512_pd(v)
#define SUB_D(x, y) _mm512_sub_pd(x, y)
#define MUL_D(x, y) _mm512_mul_pd(x, y)
#define ADD_D(x, y) _mm512_add_pd(x, y)
#define SET1_D(x) _mm512_set1_pd(x)
#define MUL_F(x, y) _mm512_mul_ps(x, y)
#define ADD_F(x, y) _mm512_add_ps(x, y)
#define SET1_F(x) _mm512_set1_ps(x)
#define SET1_32(x) _mm512_set1_epi32((int)(x))
#define PAIR(a, b)                                                                                                     \
    _mm512_permutex2var_epi32(a, _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0), b)
#define PAIR_HIGH(a, b)                                                                                                \
    _mm512_permutex2var_epi32(a, _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1), b)
#define WITH_SIGN(x, v)                                                                                                \
    _mm512_castsi512_ps(_mm512_ternarylogic_epi32(v, SET1_32(0x80000000u), _mm512_castps_si512(x), 0xEA))
#define FLOAT_BELOW(a, b, drop_a, drop_b, word_a, word_b)                                                              \
    WITH_SIGN(_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_srli_epi32(PAIR_HIGH(a, b), 1),                               \
                                                  _mm512_srli_epi32(PAIR_HIGH(drop_a, drop_b), 10))),                  \
              PAIR(word_a, word_b))
#define FLOAT_ODD(a, b)                                                                                                \
    _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_slli_epi32(_mm512_srli_epi32(PAIR(a, b), 8), 1), SET1_32((1 << 24) - 1)))
#define FLOAT_SIGN(a, b) WITH_SIGN(SET1_F(1.0f), PAIR(a, b))
#define STORE_SINGLE(p, x) _mm512_storeu_ps(p, x)
#define STORE_DOUBLE(p, x) _mm512_storeu_pd(p, x)
#define STORE_HALF(p, x) _mm256_storeu_si256((__m256i *)(p), _mm512_cvtps_ph(x, 0))
#define UPPER_HALVES 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1
#define STORE_BRAIN(p, x)                                                                                              \
    {                                                                                                                  \
        const __m512i bits = _mm512_castps_si512(x);                                                                   \
        const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), SET1_32(1));                                 \
        const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(SET1_32(0x7fff), odd));                             \
        const __m512i upper = _mm512_set_epi16(UPPER_HALVES, UPPER_HALVES);                                            \
        _mm256_storeu_si256((__m256i *)(p), _mm512_castsi512_si256(_mm512_permutexvar_epi16(upper, up)));              \
    }
