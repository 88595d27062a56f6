/* The four number types for the instruction set SET. */
#define WORD uint32_t
#define BITS uint32_t
#define REAL float
#define WIDE 0
/* The product of two float values is exact in double: one rounding or two, the sum is the same. */
#if FUSED
#define ADD_SQUARE(x, q) __builtin_fma(x, x, q)
#else
#define ADD_SQUARE(x, q) ((q) + (x) * (x))
#endif
#define TYPE float32
#define TO_BITS AS_IS
#if VECTORS
#define LOAD(p, bits, low, high)                                                                                       \
    bits = _mm512_loadu_si512(p), low = _mm512_cvtps_pd(_mm256_loadu_ps((const float *)(p))),                          \
    high = _mm512_cvtps_pd(_mm256_loadu_ps((const float *)(p) + 8))
#endif
#include "statistics_loops.h"
#undef WORD
#undef TYPE
#undef TO_BITS

#define WORD uint16_t
#define TYPE float16
#define TO_BITS bits_of_float16
#if VECTORS
#define HALVES(bits, low, high)                                                                                        \
    low = _mm512_cvtps_pd(_mm256_castsi256_ps(_mm512_castsi512_si256(bits))),                                          \
    high = _mm512_cvtps_pd(_mm256_castsi256_ps(_mm512_extracti64x4_epi64(bits, 1)))
#define LOAD(p, bits, low, high)                                                                                       \
    bits = _mm512_castps_si512(_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))), HALVES(bits, low, high)
#endif
#include "statistics_loops.h"
#undef TYPE
#undef TO_BITS
#define TYPE bfloat16
#define TO_BITS WIDENED
#if VECTORS
#define LOAD(p, bits, low, high)                                                                                       \
    bits = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(p))), 16),                     \
    HALVES(bits, low, high)
#endif
#include "statistics_loops.h"
#undef WORD
#undef BITS
#undef REAL
#undef WIDE
#undef TYPE
#undef TO_BITS
#undef ADD_SQUARE
#undef HALVES

#define WORD uint64_t
#define BITS uint64_t
#define REAL double
#define WIDE 1
#define ADD_SQUARE(x, q) ((q) + (x) * (x))
#define TYPE float64
#define TO_BITS AS_IS
#include "statistics_loops.h"
#undef WORD
#undef BITS
#undef REAL
#undef WIDE
#undef TYPE
#undef TO_BITS
#undef ADD_SQUARE
