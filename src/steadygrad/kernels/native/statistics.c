#include "statistics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "sums need float and double arithmetic without excess precision; steadygrad then uses its NumPy definition"
#endif

#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline)) /* so that it is compiled for its caller's machine */
#define PREFETCH(p) __builtin_prefetch(p)
#elif defined(_MSC_VER)
#define INLINE static __forceinline
#define PREFETCH(p) ((void)0)
#define restrict __restrict
#else
#define INLINE static inline
#define PREFETCH(p) ((void)0)
#endif

uint64_t position_weights[SEGMENT];

uint64_t weight(uint64_t place) {
    uint64_t z = (place + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) | 1;
}

/* ---- adding blocks in pairs, pairs in pairs … as they come ------------------------------------------------------ */

typedef struct {
    Sums level[48];
    uint64_t count;
} Tree;

INLINE void add_sums(Sums *left, const Sums *right) {
    for (int lane = 0; lane < LANES; lane++) {
        left->sum[lane] += right->sum[lane];
        left->square[lane] += right->square[lane];
    }
}

INLINE void tree_push(Tree *tree, Sums *block) {
    int level = 0;
    for (uint64_t full = tree->count++; full & 1; full >>= 1, level++) {
        add_sums(&tree->level[level], block);
        *block = tree->level[level];
    }
    tree->level[level] = *block;
}

INLINE void tree_finish(const Tree *tree, Sums *root) {
    memset(root, 0, sizeof *root);
    for (int level = 0; tree->count >> level; level++)
        if (tree->count >> level & 1) {
            Sums left = tree->level[level];
            add_sums(&left, root);
            *root = left;
        }
}

INLINE void join_lanes(double *sum, double *square) {
    for (int half = LANES / 2; half; half /= 2)
        for (int lane = 0; lane < half; lane++) {
            sum[lane] += sum[lane + half];
            square[lane] += square[lane + half];
        }
}

/* ---- one copy of the loops per number type and instruction set -------------------------------------------------- */

INLINE uint32_t bits_of_float16(uint16_t half) {
    const uint32_t size = half & 0x7fffu, normal = (size << 13) + 0x38000000u;
    const uint32_t is_normal = 0u - ((0x03ffu - size) >> 31), is_special = 0u - ((0x7bffu - size) >> 31);
    const float scaled = (float)(int32_t)size * 0x1p-24f;
    uint32_t subnormal;
    memcpy(&subnormal, &scaled, sizeof subnormal);
    return (uint32_t)(half & 0x8000u) << 16 | (normal & is_normal) | (subnormal & ~is_normal) |
           (is_special & 0x7f800000u);
}
#define AS_IS(word) (word)
#define WIDENED(word) ((uint32_t)(word) << 16)
#define SIXTEEN_ROWS(entry)                                                                                            \
    entry(lane) entry(lane + 32) entry(lane + 64) entry(lane + 96) entry(lane + 128) entry(lane + 160)                 \
    entry(lane + 192) entry(lane + 224) entry(lane + 256) entry(lane + 288) entry(lane + 320) entry(lane + 352)        \
    entry(lane + 384) entry(lane + 416) entry(lane + 448) entry(lane + 480)
#define MIX 0x9E3779B97F4A7C15u
#define MIX_SHORT 0x9E3779B1u

#define JOINED(name, type, set) name##_##type##_##set
#define JOIN(name, type, set) JOINED(name, type, set)
#define NAME(name) JOIN(name, TYPE, SET)

#define VECTORS 0
#define SET plain
#define TARGET
#define FUSED 0
#include "statistics_types.h"
#undef SET
#undef TARGET
#undef FUSED

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#include <immintrin.h>
#define SET avx2
#define TARGET __attribute__((target("avx2,fma")))
#define FUSED 1
#include "statistics_types.h"
#undef SET
#undef TARGET
#undef FUSED
#define SET avx512
#if defined(__clang__)
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#else
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#endif
#define FUSED 1
#undef VECTORS
#define VECTORS 1 /* by intrinsics where it says so */
#include "statistics_types.h"
#undef SET
#undef TARGET
#undef FUSED
#define CHOICES 3
static const Loops *const choices[CHOICES][NUMBERS] = {
    {&loops_float32_plain, &loops_float64_plain, &loops_float16_plain, &loops_bfloat16_plain},
    {&loops_float32_avx2, &loops_float64_avx2, &loops_float16_avx2, &loops_bfloat16_avx2},
    {&loops_float32_avx512, &loops_float64_avx512, &loops_float16_avx512, &loops_bfloat16_avx512},
};
static int best_choice(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        return 2;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
}
#else
#define CHOICES 1
static const Loops *const choices[CHOICES][NUMBERS] = {
    {&loops_float32_plain, &loops_float64_plain, &loops_float16_plain, &loops_bfloat16_plain},
};
static int best_choice(void) { return 0; }
#endif

static int chosen = 0;

int statistics_prepare(int most) {
    for (uint64_t j = 0; j < SEGMENT; j++) position_weights[j] = weight(((uint64_t)1 << 41) + j);
    chosen = best_choice();
    if (chosen > most) chosen = most;
    return chosen;
}

/* ---- sharing the work ------------------------------------------------------------------------------------------- */

typedef struct {
    const Loops *loops;
    const void *data;
    int64_t n, chunks;
    Sums *roots;
    Elements *found;
    Magnitudes *bins;
} ElementsJob;

static void share_of_elements(void *given, int part, int parts) {
    const ElementsJob *job = (const ElementsJob *)given;
    for (int64_t chunk = job->chunks * part / parts; chunk < job->chunks * (part + 1) / parts; chunk++) {
        const int64_t start = chunk * CHUNK, size = job->n - start < CHUNK ? job->n - start : CHUNK;
        job->loops->elements(job->data, start, size, &job->roots[chunk], &job->found[part],
                             job->bins ? &job->bins[part] : NULL);
    }
}

static void add_elements(Elements *left, const Elements *right) {
    if (right->largest > left->largest) left->largest = right->largest;
    left->zeros += right->zeros, left->nan += right->nan;
    left->posinf += right->posinf, left->neginf += right->neginf;
}

static void add_magnitudes(Magnitudes *left, const Magnitudes *right) {
    for (int bin = 0; bin < BINS; bin++) left->bins[bin] += right->bins[bin];
    left->zeros += right->zeros, left->nonfinite += right->nonfinite, left->large += right->large;
}

static void total_of(const ElementsJob *job, Elements *found) {
    Tree tree;
    Sums total;
    tree.count = 0;
    for (int64_t chunk = 0; chunk < job->chunks; chunk++) tree_push(&tree, &job->roots[chunk]);
    tree_finish(&tree, &total);
    join_lanes(total.sum, total.square);
    found->sum = total.sum[0], found->square = total.square[0];
}

int statistics_elements(const void *data, int64_t n, enum number type, int threads, Elements *found, Magnitudes *bins) {
    Sums one;
    ElementsJob job = {choices[chosen][type], data, n, (n + CHUNK - 1) / CHUNK, &one, found, bins};
    memset(found, 0, sizeof *found);
    if (bins) memset(bins, 0, sizeof *bins);
    if (threads > job.chunks) threads = (int)job.chunks;
    if (job.chunks > 1 && !(job.roots = malloc((size_t)job.chunks * sizeof(Sums)))) return -1;
    if (threads < 2) {
        share_of_elements(&job, 0, 1);
    } else {
        job.found = calloc((size_t)threads, sizeof(Elements));
        job.bins = bins ? calloc((size_t)threads, sizeof(Magnitudes)) : NULL;
        const int ready = job.found && (job.bins || !bins);
        if (ready) in_parallel(share_of_elements, &job, threads);
        for (int part = 0; ready && part < threads; part++) {
            add_elements(found, &job.found[part]);
            if (bins) add_magnitudes(bins, &job.bins[part]);
        }
        free(job.found);
        free(job.bins);
        if (!ready) job.chunks = -1;
    }
    const int failed = job.chunks < 0;
    if (!failed) total_of(&job, found);
    if (job.roots != &one) free(job.roots);
    return failed ? -1 : 0;
}

typedef struct {
    const Loops *loops;
    Units *job;
} UnitsJob;

static void share_of_units(void *given, int part, int parts) {
    const UnitsJob *shared = (const UnitsJob *)given;
    const int64_t units = shared->job->units;
    if (shared->loops->units(shared->job, units * part / parts, units * (part + 1) / parts)) shared->job->failed = 1;
}

int statistics_units(Units *job, enum number type, int threads) {
    uint64_t few[64], *weights = few;
    if (job->outer > 64 && !(weights = malloc((size_t)job->outer * sizeof *weights))) return -1;
    for (int64_t row = 0; row < job->outer; row++) weights[row] = weight((uint64_t)row);
    job->row_weights = weights;
    UnitsJob shared = {choices[chosen][type], job};
    in_parallel(share_of_units, &shared, job->units < threads ? (int)job->units : threads);
    if (weights != few) free(weights);
    return job->failed ? -1 : 0;
}

void statistics_squares(const void *data, int64_t samples, int64_t entries, enum number type, double *out) {
    for (int64_t k = 0; k < samples; k++) out[k] = choices[chosen][type]->square(data, k * entries, entries);
}
