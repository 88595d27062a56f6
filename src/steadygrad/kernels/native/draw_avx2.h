/* V: four lanes of 64 bits; F: eight floats, made of two V. */
#define WIDTH 4
#define V __m256i
#define F __m256
#define D __m256d
#define SET1(x) _mm256_set1_epi64x((long long)(x))
#define COUNT_FROM(x) _mm256_add_epi64(SET1(x), _mm256_set_epi64x(3, 2, 1, 0))
#define ADD(x, y) _mm256_add_epi64(x, y)
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define SUB(x, y) _mm256_sub_epi64(x, y)
#define MUL(x, y) _mm256_mul_epu32(x, y)
#define SHR(x, n) _mm256_srli_epi64(x, n)
#define SHL(x, n) _mm256_slli_epi64(x, n)
#define AND(x, y) _mm256_and_si256(x, y)
#define OR(x, y) _mm256_or_si256(x, y)
#define HIGH(x) _mm256_shuffle_epi32(x, 0xF5)
#define HIGH_UNDER(x, top) OR(SHR(x, 32), top)
#define AND_OR(x, mask, y) OR(AND(x, mask), y)
#define XOR3(x, y, z) _mm256_xor_si256(_mm256_xor_si256(x, y), z)
#define BITS_OF(d) _mm256_castpd_si256(d)
#define DOUBLE_OF(v) _mm256_castsi256_pd(v)
#define SUB_D(x, y) _mm256_sub_pd(x, y)
#define MUL_D(x, y) _mm256_mul_pd(x, y)
#define ADD_D(x, y) _mm256_add_pd(x, y)
#define SET1_D(x) _mm256_set1_pd(x)
#define MUL_F(x, y) _mm256_mul_ps(x, y)
#define ADD_F(x, y) _mm256_add_ps(x, y)
#define SET1_F(x) _mm256_set1_ps(x)
#define SET1_32(x) _mm256_set1_epi32((int)(x))
#define PAIR(a, b)                                                                                                     \
    _mm256_permute4x64_epi64(                                                                                          \
        _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88)), 0xD8)
#define PAIR_HIGH(a, b)                                                                                                \
    _mm256_permute4x64_epi64(                                                                                          \
        _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0xDD)), 0xD8)
#define WITH_SIGN(x, v) _mm256_or_ps(x, _mm256_castsi256_ps(_mm256_and_si256(v, SET1_32(0x80000000u))))
#define FLOAT_BELOW(a, b, drop_a, drop_b, word_a, word_b)                                                              \
    WITH_SIGN(_mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(PAIR_HIGH(a, b), 1),                               \
                                                  _mm256_srli_epi32(PAIR_HIGH(drop_a, drop_b), 10))),                  \
              PAIR(word_a, word_b))
#define FLOAT_ODD(a, b)                                                                                                \
    _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_slli_epi32(_mm256_srli_epi32(PAIR(a, b), 8), 1), SET1_32((1 << 24) - 1)))
#define FLOAT_SIGN(a, b) WITH_SIGN(SET1_F(1.0f), PAIR(a, b))
#define STORE_SINGLE(p, x) _mm256_storeu_ps(p, x)
#define STORE_DOUBLE(p, x) _mm256_storeu_pd(p, x)
#define STORE_HALF(p, x) _mm_storeu_si128((__m128i *)(p), _mm256_cvtps_ph(x, 0))
#define STORE_BRAIN(p, x)                                                                                              \
    {                                                                                                                  \
        const __m256i bits = _mm256_castps_si256(x), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), SET1_32(1));  \
        const __m256i up = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(SET1_32(0x7fff), odd)), 16);      \
        const __m128i low = _mm256_castsi256_si128(up), high = _mm256_extracti128_si256(up, 1);                        \
        _mm_storeu_si128((__m128i *)(p), _mm_packus_epi32(low, high));                                                 \
    }
