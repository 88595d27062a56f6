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

/* The word of which bits 0-30 are a normal value's magnitude m, and bit 31 the sign: see quantile.py. */
INLINE V NAME(normal_word)(V word, enum draw_kind kind, V first, V span) {
    if (kind == CUT) { /* the rank of the wanted value, then the word that has it */
        const V rank = ADD(first, SHR(MUL(word, span), 32));
        return XOR3(rank, TOP, MUL(SHR(rank, 31), SET1(0x7fffffffu)));
    }
    return word;
}

/* m + 1/2 as a double: its exponent and first six bits are the segment, the next 32 its fraction t, so that no lane needs
   to count leading zeros. */
INLINE V NAME(tail)(V word) {
    const V above = AND_OR(word, SET1(0x7fffffffu), SET1(0x4330000000000000)); /* 2^52 + m, once read as a double */
    return BITS_OF(SUB_D(DOUBLE_OF(above), SET1_D(4503599627370495.5)));
}

/* The same of a truncated law, where m = first + n with n = floor((m of the word) * span / 2^31): the product's upper half is n, and
   what is taken from 2^52 + n is `below` = 2^52 - first - 1/2, which a double holds. */
INLINE V NAME(tail_within)(V word, V span, D below) {
    return BITS_OF(SUB_D(DOUBLE_OF(HIGH_UNDER(MUL(ADD(word, word), span), SET1(0x4330000000000000))), below));
}

/* |z| in units of 2^-28 is (entry >> 33) - (drop >> 42). */
INLINE V NAME(drop)(V entry, V t) {
    const V c1 = SHL(entry, 10), c2 = AND(SHR(entry, 9), SET1(2047u << 13));
    return MUL(SUB(c1, HIGH(MUL(c2, t))), t);
}

INLINE void NAME(store_singles)(F x, enum draw_kind kind, enum draw_type type, const Draw *job, void *out, int place) {
    /* Exact powers of two join the scale, which callers keep within 2^-90 .. 2^90: one rounding less to make. */
    const float unit = kind == UNIFORM ? 0x1p-24f : kind == RADEMACHER ? 1.0f : 0x1p-28f;
    const F scale = SET1_F((float)job->scale * unit), mean = SET1_F((float)job->mean), scaled = MUL_F(x, scale);
    const F value = ADD_F(scaled, mean); /* no product is 0, so adding a mean of 0 changes no bit */
    if (type == SINGLE) STORE_SINGLE((float *)out + place, value);
    if (type == HALF) STORE_HALF((uint16_t *)out + place, value);
    if (type == BRAIN) STORE_BRAIN((uint16_t *)out + place, value);
}

INLINE void NAME(store_double)(D x, const Draw *job, void *out, int place) {
    STORE_DOUBLE((double *)out + place, ADD_D(MUL_D(x, SET1_D(job->scale)), SET1_D(job->mean)));
}

/* Uniform and Rademacher entries from two vectors of words. */
INLINE void NAME(store)(V low, V high, enum draw_kind kind, enum draw_type type, const Draw *job, void *out, int place) {
    const V words[2] = {low, high};
    if (type == DOUBLE) {
        for (int half = 0; half < 2; half++) {
            const V odd = OR(SHL(AND(words[half], LOW32), 1), SET1(0x4330000000000001));
            const V one = OR(SHL(AND(words[half], TOP), 32), SET1(0x3ff0000000000000));
            const D between = MUL_D(SUB_D(DOUBLE_OF(odd), SET1_D(4503599627370496.0 + 4294967296.0)), SET1_D(0x1p-32));
            NAME(store_double)(kind == UNIFORM ? between : DOUBLE_OF(one), job, out, place + half * WIDTH);
        }
    } else {
        NAME(store_singles)(kind == UNIFORM ? FLOAT_ODD(low, high) : FLOAT_SIGN(low, high), kind, type, job, out, place);
    }
}

/* Words, tails and table entries of a few blocks, in the order of the entries. */
typedef struct {
    _Alignas(64) uint64_t word[AT_ONCE];
    _Alignas(64) uint64_t tail[AT_ONCE];
    _Alignas(64) uint64_t entry[AT_ONCE];
} NAME(Desk);

INLINE void NAME(lay)(NAME(Desk) *desk, V word, enum draw_kind kind, V first, V span, D below, int place) {
    const V chosen = NAME(normal_word)(word, kind, first, span);
    const V tail = kind == TRUNCATED ? NAME(tail_within)(word, span, below) : NAME(tail)(chosen);
    STORE(desk->word + place, chosen);
    STORE(desk->tail + place, tail);
    STORE(desk->entry + place, SHR(tail, 46));
}

/* Plain loads, which KEEP stops a compiler from making vectors of: the processors' gathers take two to three times as long
   (microcode; on Intel's also the guard against stale data), and these leave the vector unit free for the next block. Eight to a
   turn of the loop, whose own instructions else take as long as the loads. */
INLINE void NAME(look_up)(NAME(Desk) *desk, int entries) {
    const uint64_t *table = (const uint64_t *)((uintptr_t)draw_table - DRAW_FIRST * sizeof *draw_table);
    for (int i = 0; i < entries; i += 8) {
        LOOK_UP(0) LOOK_UP(1) LOOK_UP(2) LOOK_UP(3) LOOK_UP(4) LOOK_UP(5) LOOK_UP(6) LOOK_UP(7)
    }
}

INLINE void NAME(finish)(const NAME(Desk) *desk, int entries, enum draw_kind kind, enum draw_type type, const Draw *job, void *out) {
    for (int i = 0; i < entries; i += 2 * WIDTH) {
        V entry[2], drop[2], word[2];
        for (int half = 0; half < 2; half++) {
            word[half] = LOAD(desk->word + i + half * WIDTH), entry[half] = LOAD(desk->entry + i + half * WIDTH);
            drop[half] = NAME(drop)(entry[half], SHR(LOAD(desk->tail + i + half * WIDTH), 14));
        }
        if (type != DOUBLE)
            NAME(store_singles)(FLOAT_BELOW(entry[0], entry[1], drop[0], drop[1], word[0], word[1]), kind, type, job, out, i);
        for (int half = 0; half < 2 && type == DOUBLE; half++) {
            const V size = SUB(SHR(entry[half], 33), SHR(drop[half], 42)), above = SET1(0x4330000000000000);
            const D x = MUL_D(SUB_D(DOUBLE_OF(OR(size, above)), SET1_D(4503599627370496.0)), SET1_D(0x1p-28));
            NAME(store_double)(DOUBLE_OF(OR(BITS_OF(x), SHL(AND(word[half], TOP), 32))), job, out, i + half * WIDTH);
        }
    }
}

INLINE void NAME(blocks)(const Draw *given, enum draw_kind kind, enum draw_type type, uint64_t block, int64_t count, char *out) {
    const Draw own = *given, *job = &own; /* which no store to `out` can change */
    const V m0 = SET1(0xD2511F53u), m1 = SET1(0xCD9E8D57u), first = SET1(job->first), span = SET1(job->span);
    const int size = type == DOUBLE ? 8 : type == SINGLE ? 4 : 2;
    const int direct = kind == UNIFORM || kind == RADEMACHER;
    const D below = SET1_D(4503599627370495.5 - job->first);
    NAME(Desk) desk;
    V key[20];
    for (int round = 0; round < 10; round++) {
        key[2 * round] = SET1((uint32_t)(job->key[0] + (uint32_t)round * 0x9E3779B9u));
        key[2 * round + 1] = SET1((uint32_t)(job->key[1] + (uint32_t)round * 0xBB67AE85u));
    }
    for (int64_t b = 0; b < count;) {
        int laid = 0;
        for (; laid < AT_ONCE && b < count; b++, block++, laid += BLOCK_ENTRIES)
            for (int lane = 0; lane < COUNTERS; lane += 2 * WIDTH) { /* two at a time: their chains of products overlap */
                const V low = COUNT_FROM(block * COUNTERS + (uint64_t)lane), high = ADD(low, SET1(WIDTH));
                V left[4] = {low, SHR(low, 32), SET1(job->seed & 0xffffffffu), SET1(job->seed >> 32)};
                V right[4] = {high, SHR(high, 32), left[2], left[3]};
                NAME(philox)(left, key, m0, m1);
                NAME(philox)(right, key, m0, m1);
                for (int word = 0; word < 4; word++) {
                    const int place = laid + word * COUNTERS + lane;
                    if (direct) {
                        NAME(store)(left[word], right[word], kind, type, job, out, place);
                    } else {
                        NAME(lay)(&desk, left[word], kind, first, span, below, place);
                        NAME(lay)(&desk, right[word], kind, first, span, below, place + WIDTH);
                    }
                }
            }
        if (!direct) {
            NAME(look_up)(&desk, laid);
            NAME(finish)(&desk, laid, kind, type, job, out);
        }
        out += laid * size;
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
