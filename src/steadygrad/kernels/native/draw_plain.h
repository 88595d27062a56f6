/* One lane at a time, for any C11 compiler: what the vectors of draw_avx2.h and draw_avx512.h do to each lane. V: 64 bits; F: two
   floats. */
#define WIDTH 1
#define V uint64_t
#define F Two
#define D double
#define SET1(x) ((uint64_t)(x))
#define COUNT_FROM(x) ((uint64_t)(x))
#define ADD(x, y) ((x) + (y))
#define LOAD(p) (*(const uint64_t *)(p))
#define STORE(p, v) (*(uint64_t *)(p) = (v))
#define SUB(x, y) ((x) - (y))
#define MUL(x, y) ((uint64_t)(uint32_t)(x) * (uint32_t)(y))
#define SHR(x, n) ((x) >> (n))
#define SHL(x, n) ((x) << (n))
#define AND(x, y) ((x) & (y))
#define OR(x, y) ((x) | (y))
#define HIGH(x) ((x) >> 32)
#define HIGH_UNDER(x, top) OR(SHR(x, 32), top)
#define AND_OR(x, mask, y) (((x) & (mask)) | (y))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define BITS_OF(d) bits_of_double(d)
#define DOUBLE_OF(v) double_of_bits(v)
#define SUB_D(x, y) ((x) - (y))
#define MUL_D(x, y) ((x) * (y))
#define ADD_D(x, y) ((x) + (y))
#define SET1_D(x) (x)
#define MUL_F(x, y) ((Two){(x).a * (y).a, (x).b * (y).b})
#define ADD_F(x, y) ((Two){(x).a + (y).a, (x).b + (y).b})
#define SET1_F(x) ((Two){x, x})
#define FLOAT_BELOW(a, b, drop_a, drop_b, word_a, word_b)                                                              \
    ((Two){float_signed((a >> 33) - (drop_a >> 42), word_a), float_signed((b >> 33) - (drop_b >> 42), word_b)})
#define FLOAT_ODD(a, b) ((Two){float_odd(a), float_odd(b)})
#define FLOAT_SIGN(a, b) ((Two){float_signed(1, a), float_signed(1, b)})
#define STORE_SINGLE(p, x) ((p)[0] = (x).a, (p)[1] = (x).b)
#define STORE_DOUBLE(p, x) (*(p) = (x))
#define STORE_HALF(p, x) ((p)[0] = half_of((x).a), (p)[1] = half_of((x).b))
#define STORE_BRAIN(p, x) ((p)[0] = brain_of((x).a), (p)[1] = brain_of((x).b))
