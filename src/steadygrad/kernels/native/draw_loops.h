/* Blocks of entries, written once over the vectors of draw_plain.h, draw_avx2.h or draw_avx512.h. Included with SET and
   TARGET defined. A lane of 64 bits holds a 32-bit word below and anything above it, which MUL does not look at. */

#define LOW32 SET1(0xffffffffu)
#define TOP SET1(0x80000000u)

INLINE void NAME(philox)(V word[4], const V key[20], V m0, V m1) {
    for (int round = 0; round < 10; round++) {
        const V a = MUL(word[0], m0), b = MUL(word[2], m1);
        word[0] = XOR3(HIGH(b), word[1], key[2 * round]), word[1] = b;
        word[2] = XOR3(HIGH(a), word[3], key[2 * round + 1]), word[3] = a;
    }
}

/* |z| in units of 2^-28 from 2m below bit 32: see quantile.py. The exponent and first six bits of q = 2m + 1 as a double
   are the segment, the next 32 its fraction t, so that no lane needs to count leading zeros. */
INLINE V NAME(magnitude)(V twice) {
    const V q = AND_OR(twice, SET1(0xfffffffeu), SET1(0x4330000000000001)); /* 2^52 + q, once read as a double */
    const V bits = BITS_OF(SUB_D(DOUBLE_OF(q), SET1_D(4503599627370496.0)));
    const V entry = GATHER(SHR(bits, 46)), t = SHR(bits, 14);
    const V c1 = SHL(entry, 10), c2 = AND(SHR(entry, 9), SET1(2047u << 13));
    const V bent = SUB(c1, HIGH(MUL(c2, t)));
    return SUB(SHR(entry, 33), SHR(MUL(bent, t), 42));
}

/* Sign and magnitude of a standard normal value: bit 31, and bits 0-30 in units of 2^-28. */
INLINE V NAME(normal)(V word, enum draw_kind kind, V first, V span) {
    V twice = ADD(word, word);
    if (kind == TRUNCATED) twice = ADD(first, HIGH(MUL(twice, span))), twice = ADD(twice, twice);
    if (kind == CUT) { /* the rank of the wanted value, then the word that has it */
        const V rank = ADD(first, SHR(MUL(word, span), 32));
        word = XOR3(rank, TOP, MUL(SHR(rank, 31), SET1(0x7fffffffu)));
        twice = ADD(word, word);
    }
    return AND_OR(word, TOP, NAME(magnitude)(twice));
}

INLINE void NAME(store)(V word, enum draw_kind kind, enum draw_type type, V first, V span, const Draw *job, void *out, int place) {
    if (type == DOUBLE) {
        const D scale = SET1_D(job->scale), mean = SET1_D(job->mean);
        const V above = SET1(0x4330000000000000);
        D x;
        if (kind == UNIFORM) {
            const V odd = OR(SHL(AND(word, LOW32), 1), OR(above, SET1(1)));
            x = MUL_D(SUB_D(DOUBLE_OF(odd), SET1_D(4503599627370496.0 + 4294967296.0)), SET1_D(0x1p-32));
        } else if (kind == RADEMACHER) {
            x = DOUBLE_OF(OR(SHL(AND(word, TOP), 32), SET1(0x3ff0000000000000)));
        } else {
            const V z = NAME(normal)(word, kind, first, span), size = AND(z, SET1(0x7fffffffu));
            x = MUL_D(SUB_D(DOUBLE_OF(OR(size, above)), SET1_D(4503599627370496.0)), SET1_D(0x1p-28));
            x = DOUBLE_OF(OR(BITS_OF(x), SHL(AND(z, TOP), 32)));
        }
        STORE_DOUBLE((double *)out + place, ADD_D(MUL_D(x, scale), mean));
    } else {
        /* Exact powers of two join the scale, which callers keep within 2^-90 .. 2^90: one rounding less to make. */
        const float unit = kind == UNIFORM ? 0x1p-24f : kind == RADEMACHER ? 1.0f : 0x1p-28f;
        const F scale = SET1_F((float)job->scale * unit), mean = SET1_F((float)job->mean);
        const F x = kind == UNIFORM      ? FLOAT_ODD(word)
                    : kind == RADEMACHER ? FLOAT_SIGN(word)
                                         : FLOAT_SIGNED(NAME(normal)(word, kind, first, span));
        const F value = ADD_F(MUL_F(x, scale), mean); /* no product is 0, so adding a mean of 0 changes no bit */
        if (type == SINGLE) STORE_SINGLE((float *)out + place, value);
        if (type == HALF) STORE_HALF((uint16_t *)out + place, value);
        if (type == BRAIN) STORE_BRAIN((uint16_t *)out + place, value);
    }
}

INLINE void NAME(blocks)(const Draw *given, enum draw_kind kind, enum draw_type type, uint64_t block, int64_t count, char *out) {
    const Draw own = *given, *job = &own; /* which no store to `out` can change */
    const V m0 = SET1(0xD2511F53u), m1 = SET1(0xCD9E8D57u), first = SET1(job->first), span = SET1(job->span);
    const int size = type == DOUBLE ? 8 : type == SINGLE ? 4 : 2;
    V key[20];
    for (int round = 0; round < 10; round++) {
        key[2 * round] = SET1((uint32_t)(job->key[0] + (uint32_t)round * 0x9E3779B9u));
        key[2 * round + 1] = SET1((uint32_t)(job->key[1] + (uint32_t)round * 0xBB67AE85u));
    }
    for (int64_t b = 0; b < count; b++, block++, out += BLOCK_ENTRIES * size)
        for (int lane = 0; lane < COUNTERS; lane += 2 * WIDTH) { /* two at a time: their chains of products overlap */
            const V low = COUNT_FROM(block * COUNTERS + (uint64_t)lane), high = ADD(low, SET1(WIDTH));
            V left[4] = {low, SHR(low, 32), SET1(job->seed & 0xffffffffu), SET1(job->seed >> 32)};
            V right[4] = {high, SHR(high, 32), left[2], left[3]};
            NAME(philox)(left, key, m0, m1);
            NAME(philox)(right, key, m0, m1);
            UNROLL_4
            for (int word = 0; word < 4; word++) {
                NAME(store)(left[word], kind, type, first, span, job, out, word * COUNTERS + lane);
                NAME(store)(right[word], kind, type, first, span, job, out, word * COUNTERS + lane + WIDTH);
            }
        }
}

#define OF_KIND(kind)                                                                                                  \
    {NAME2(single, kind), NAME2(double, kind), NAME2(half, kind), NAME2(brain, kind)}
#define DEFINE(name, kind, type)                                                                                       \
    TARGET static void NAME2(name, kind)(const Draw *job, uint64_t block, int64_t count, void *out) {                  \
        NAME(blocks)(job, kind, type, block, count, (char *)out);                                                      \
    }
#define DEFINE_KIND(kind)                                                                                              \
    DEFINE(single, kind, SINGLE) DEFINE(double, kind, DOUBLE) DEFINE(half, kind, HALF) DEFINE(brain, kind, BRAIN)
DEFINE_KIND(UNIFORM)
DEFINE_KIND(NORMAL)
DEFINE_KIND(TRUNCATED)
DEFINE_KIND(CUT)
DEFINE_KIND(RADEMACHER)
static const DrawBlocks NAME(table)[DRAW_KINDS][DRAW_TYPES] = {OF_KIND(UNIFORM), OF_KIND(NORMAL), OF_KIND(TRUNCATED),
                                                               OF_KIND(CUT), OF_KIND(RADEMACHER)};
#undef OF_KIND
#undef DEFINE
#undef DEFINE_KIND
#undef LOW32
#undef TOP
