/* See chain.h. One micro-kernel does all three products: a tile of 8 rows and 16 or 32 columns kept in registers. */
#include "chain.h"

#include <stdlib.h>
#include <string.h>

#define LANES 16
#define ROWS 8
typedef float lanes __attribute__((vector_size(64)));
typedef int32_t bits __attribute__((vector_size(64)));

#define LOAD(to, from) memcpy(&(to), (from), sizeof(lanes))
#define STORE(to, from) memcpy((to), &(from), sizeof(lanes))

/* tanh(x) = x − x·y·A(y)/B(y), y = x²: within 2.2·10⁻⁸ relatively before rounding on |x| ≤ 9, and without bias at small x, where a relative
   error of 10⁻⁷ a layer would be 10 % after a million. Beyond 9 tanh is 1 in float32. */
#define TANH(x)                                                                                                                              \
    do {                                                                                                                                     \
        const lanes top = (lanes){0} + 9.0f;                                                                                                  \
        const bits over = (x) > 9.0f, under = (x) < -9.0f;                                                                                    \
        const lanes s = (lanes)((over & (bits)top) | (under & (bits)-top) | (~(over | under) & (bits)(x)));                                   \
        const lanes y = s * s;                                                                                                               \
        const lanes a = ((y * 7.670475826799359e-07f + 3.0844169617418705e-04f) * y + 2.239119370958562e-02f) * y + 3.333332148141334e-01f;    \
        const lanes b =                                                                                                                      \
            (((y * 7.804672646135457e-07f + 3.291028596124569e-04f) * y + 2.5890183842210868e-02f) * y + 4.671729677371688e-01f) * y + 1.0f;   \
        (x) = s - s * (y * a / b);                                                                                                           \
    } while (0)

/* tile[r][c] = Σ_k left[r·row + k·step]·right[k·stride + column c], columns 16 or 32. */
#define TILE(columns)                                                                                                                        \
    for (int r = 0; r < ROWS; r++)                                                                                                           \
        for (int c = 0; c < (columns); c++) tile[r][c] = (lanes){0};                                                                         \
    for (int64_t k = 0; k < inner; k++) {                                                                                                    \
        lanes x[columns];                                                                                                                    \
        for (int c = 0; c < (columns); c++) LOAD(x[c], right + k * stride + c * LANES);                                                       \
        for (int r = 0; r < ROWS; r++)                                                                                                       \
            for (int c = 0; c < (columns); c++) tile[r][c] += left[r * row + k * step] * x[c];                                                \
    }

/* v = momentum·v + g, w −= rate·v for 16 entries; with a rest, what rounding takes is kept for the next time. */
#define STEP(at, g)                                                                                                                          \
    do {                                                                                                                                     \
        lanes v, w, rest;                                                                                                                    \
        LOAD(v, update.momenta + (at)), LOAD(w, update.weights + (at));                                                                       \
        v = v * update.momentum + (g);                                                                                                       \
        STORE(update.momenta + (at), v);                                                                                                     \
        lanes moved = v * -update.rate;                                                                                                      \
        if (update.rests) LOAD(rest, update.rests + (at)), moved += rest;                                                                     \
        const lanes next = w + moved;                                                                                                        \
        if (update.rests) rest = moved - (next - w), STORE(update.rests + (at), rest);                                                        \
        STORE(update.weights + (at), next);                                                                                                  \
    } while (0)

#define TARGET
#define NAME(what) plain_##what
#include "chain_loops.h"
#undef TARGET
#undef NAME

#if defined(__x86_64__) && defined(__GNUC__)
#define LEVELS 3
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(what) avx2_##what
#include "chain_loops.h"
#undef TARGET
#undef NAME
#define TARGET __attribute__((target("avx512f,fma")))
#define NAME(what) avx512_##what
#include "chain_loops.h"
#undef TARGET
#undef NAME
#define CHOSEN(what) (level == 2 ? avx512_##what : level == 1 ? avx2_##what : plain_##what)
#else
#define CHOSEN(what) plain_##what
#endif

static int level;

int chain_prepare(int most) {
    int found = 0;
#ifdef LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found = __builtin_cpu_supports("avx512f") ? 2 : 1;
#endif
    return level = found < most ? found : most;
}

void chain_forward(Chain chain, const float *weights, const float *biases, float *signals, int64_t from, int64_t to) {
    CHOSEN(forward)(chain, weights, biases, signals, from, to);
}

void chain_backward(Chain chain, const float *weights, const float *signals, float *slopes, float *gradient, int64_t from, int64_t to) {
    CHOSEN(backward)(chain, weights, signals, slopes, gradient, from, to);
}

int chain_update(Chain chain, Update update, const float *signals, const float *slopes, double *squares, int64_t first, int64_t last) {
    return CHOSEN(update)(chain, update, signals, slopes, squares, first, last);
}
