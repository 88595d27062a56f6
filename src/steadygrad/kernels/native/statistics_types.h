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
#include "statistics_loops.h"
#undef WORD
#undef TYPE
#undef TO_BITS

#define WORD uint16_t
#define TYPE float16
#define TO_BITS bits_of_float16
#include "statistics_loops.h"
#undef TYPE
#undef TO_BITS
#define TYPE bfloat16
#define TO_BITS WIDENED
#include "statistics_loops.h"
#undef WORD
#undef BITS
#undef REAL
#undef WIDE
#undef TYPE
#undef TO_BITS
#undef ADD_SQUARE

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
