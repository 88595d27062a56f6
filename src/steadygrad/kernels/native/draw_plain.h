/* One lane at a time, for any C11 compiler: what the vectors of draw_avx2.h and draw_avx512.h do to each lane. */
#define WIDTH 1
#define V uint64_t
#define F float
#define D double
#define SET1(x) ((uint64_t)(x))
#define COUNT_FROM(x) ((uint64_t)(x))
#define ADD(x, y) ((x) + (y))
#define SUB(x, y) ((x) - (y))
#define MUL(x, y) ((uint64_t)(uint32_t)(x) * (uint32_t)(y))
#define SHR(x, n) ((x) >> (n))
#define SHL(x, n) ((x) << (n))
#define AND(x, y) ((x) & (y))
#define OR(x, y) ((x) | (y))
#define HIGH(x) ((x) >> 32)
#define AND_OR(x, mask, y) (((x) & (mask)) | (y))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define GATHER(index) draw_table[(index) - DRAW_FIRST]
#define BITS_OF(d) bits_of_double(d)
#define DOUBLE_OF(v) double_of_bits(v)
#define SUB_D(x, y) ((x) - (y))
#define MUL_D(x, y) ((x) * (y))
#define ADD_D(x, y) ((x) + (y))
#define SET1_D(x) (x)
#define MUL_F(x, y) ((x) * (y))
#define ADD_F(x, y) ((x) + (y))
#define SET1_F(x) (x)
#define FLOAT_SIGNED(v) float_signed((uint32_t)(v))
#define FLOAT_ODD(v) ((float)((int32_t)((uint32_t)(v) >> 8 << 1 | 1u) - (1 << 24)))
#define FLOAT_SIGN(v) (1.0f - 2.0f * (float)((uint32_t)(v) >> 31))
#define STORE_SINGLE(p, x) (*(p) = (x))
#define STORE_DOUBLE(p, x) (*(p) = (x))
#define STORE_HALF(p, x) (*(p) = half_of(x))
#define STORE_BRAIN(p, x) (*(p) = brain_of(x))
