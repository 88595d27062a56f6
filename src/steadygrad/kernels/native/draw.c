/* Chooses the instruction set, divides the entries among threads, and cuts runs out of blocks. */
#include "draw.h"

#include <string.h>

#include "statistics.h" /* in_parallel */

uint64_t draw_table[2048];

static inline uint64_t bits_of_double(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline double double_of_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline uint32_t bits_of_single(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
typedef struct {
    float a, b;
} Two;
static inline float float_signed(uint64_t size, uint64_t word) {
    const int32_t flip = -(int32_t)(word >> 31 & 1); /* no branch, which would be foretold wrongly every other time */
    return (float)(((int32_t)size ^ flip) - flip);
}
static inline float float_odd(uint64_t word) { return (float)((int32_t)((uint32_t)word >> 8 << 1 | 1u) - (1 << 24)); }
static inline uint16_t brain_of(float x) {
    const uint32_t bits = bits_of_single(x);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
/* To nearest even; below the normal halves, adding 0.5 rounds to their spacing of 2^-24. */
static inline uint16_t half_of(float x) {
    const uint32_t bits = bits_of_single(x), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size >= 0x47800000u) return (uint16_t)(sign | 0x7c00u);
    if (size < 0x38800000u) return (uint16_t)(sign | (bits_of_single((x < 0 ? -x : x) + 0.5f) - 0x3f000000u));
    return (uint16_t)(sign | (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13);
}

#define JOINED(name, set) draw_##name##_##set
#define JOIN(name, set) JOINED(name, set)
#define NAME(name) JOIN(name, SET)
#define JOINED2(name, kind, set) draw_##name##_##kind##_##set
#define JOIN2(name, kind, set) JOINED2(name, kind, set)
#define NAME2(name, kind) JOIN2(name, kind, SET)

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS static inline __attribute__((always_inline))
#define KEEP(x) __asm__("" : "+r"(x)) /* says that x may have changed */
#else
#define ALWAYS static inline
#define KEEP(x) (void)0
#endif
#define LOOK_UP(k)                                                                                                     \
    {                                                                                                                  \
        uint64_t at = desk->entry[i + k];                                                                              \
        KEEP(at);                                                                                                      \
        at = table[at];                                                                                                \
        KEEP(at);                                                                                                      \
        desk->entry[i + k] = at;                                                                                       \
    }

#define SET plain
#define TARGET
#define INLINE ALWAYS
#include "draw_plain.h"
#include "draw_loops.h"
#include "draw_undefine.h"

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#include <immintrin.h>
#define SET avx2
#define TARGET __attribute__((target("avx2,f16c")))
#define INLINE TARGET ALWAYS
#include "draw_avx2.h"
#include "draw_loops.h"
#include "draw_undefine.h"
#define SET avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c")))
#define INLINE TARGET ALWAYS
#include "draw_avx512.h"
#include "draw_loops.h"
#include "draw_undefine.h"

static const DrawBlocks (*const choices[3])[DRAW_TYPES] = {draw_table_plain, draw_table_avx2, draw_table_avx512};
static int best_choice(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 2;
    return __builtin_cpu_supports("avx2") ? 1 : 0; /* no processor has AVX2 without F16C */
}
#else
static const DrawBlocks (*const choices[1])[DRAW_TYPES] = {draw_table_plain};
static int best_choice(void) { return 0; }
#endif

static int chosen = 0;

int draw_choose(int most) {
    chosen = best_choice();
    if (chosen > most) chosen = most;
    return chosen;
}

void draw_prepare(const uint64_t *table) {
    for (int octave = 0; octave < 32; octave++)
        for (int segment = 0; segment < 64; segment++) {
            const uint64_t entry = table[64 * octave + segment], c1 = entry >> 11 & 0x3fffffu, c2 = entry & 0x7ffu;
            draw_table[64 * (31 - octave) + segment] = entry >> 33 << 33 | c2 << 22 | c1;
        }
    draw_choose(2);
}

/* ---- from blocks to runs ---------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t number;
    int holds;
    double entries[BLOCK_ENTRIES];
} Block;

static int size_of(enum draw_type type) { return type == DOUBLE ? 8 : type == SINGLE ? 4 : 2; }

/* Entries from `start` on: whole blocks straight to their place, parts of blocks by way of `last`, which stays for the
   next run, so that short runs of one block cost that block once. */
static void draw_run(const Draw *job, uint64_t start, int64_t count, char *out, Block *last) {
    const DrawBlocks blocks = choices[chosen][job->kind][job->type];
    const int size = size_of(job->type);
    while (count > 0) {
        const uint64_t number = start / BLOCK_ENTRIES;
        const int64_t skipped = (int64_t)(start % BLOCK_ENTRIES), whole = count / BLOCK_ENTRIES;
        int64_t done;
        if (skipped == 0 && whole > 0) {
            done = whole * BLOCK_ENTRIES;
            blocks(job, number, whole, out);
        } else {
            done = BLOCK_ENTRIES - skipped < count ? BLOCK_ENTRIES - skipped : count;
            if (!last->holds || last->number != number) blocks(job, number, 1, last->entries);
            last->holds = 1, last->number = number;
            memcpy(out, (const char *)last->entries + skipped * size, (size_t)(done * size));
        }
        start += (uint64_t)done, out += done * size, count -= done;
    }
}

static void share_of_entries(void *given, int part, int parts) {
    const Draw *job = (const Draw *)given;
    const int64_t groups = (job->rows * job->run + BLOCK_ENTRIES - 1) / BLOCK_ENTRIES;
    const int64_t from = groups * part / parts * BLOCK_ENTRIES;
    int64_t to = groups * (part + 1) / parts * BLOCK_ENTRIES;
    Block last;
    last.holds = 0;
    if (to > job->rows * job->run) to = job->rows * job->run;
    for (int64_t i = from; i < to;) {
        const int64_t row = i / job->run, column = i % job->run;
        const int64_t count = job->run - column < to - i ? job->run - column : to - i;
        draw_run(job, job->start + (uint64_t)row * job->stride + (uint64_t)column, count,
                 (char *)job->out + i * size_of(job->type), &last);
        i += count;
    }
}

void draw_entries(const Draw *job, int threads) {
    in_parallel(share_of_entries, (void *)job, threads);
}
