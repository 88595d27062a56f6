/* One-pass statistics of raw memory. The meaning of every number is written down in ../definition.py. */
#ifndef STEADYGRAD_STATISTICS_H
#define STEADYGRAD_STATISTICS_H
#include <stdint.h>

#define LANES 32
#define BLOCK (16 * LANES)
#define CHUNK (64 * BLOCK) /* entries that stay in the cache while they are looked at more than once */
#define SHORT_MOST 0x1p60  /* sixteen squares of this stay within float32 */
#define NEAR_ONE 24        /* binary orders from 1 within which nothing is scaled before it is squared in float32 */
#define SEGMENT 1024
#define RUN (2 * LANES)     /* units with fewer neighbouring positions are read by columns */
#define LOWEST (-150)
#define HIGHEST 128
#define BINS (HIGHEST - LOWEST + 1)

enum number { FLOAT32, FLOAT64, FLOAT16, BFLOAT16, NUMBERS };

typedef struct {
    double sum[LANES], square[LANES];
} Sums;

typedef struct {
    double sum, square, largest;
    int64_t zeros, nan, posinf, neginf;
} Elements;

/* bins, then zeros, entries that are not finite, finite entries of at least 65504 in magnitude */
typedef struct {
    int64_t bins[BINS], zeros, nonfinite, large;
} Magnitudes;

typedef struct {
    const void *data;
    int64_t outer, units, inner;
    double low, high;
    int limited;                                  /* whether low or high were given */
    double *sum, *square, *largest;               /* one entry per unit each */
    int64_t *zeros, *nonfinite, *outside, *varies;
    uint64_t *hash;
    const uint64_t *row_weights;                  /* one per outer position */
    int failed;                                   /* memory ran out */
} Units;

/* The loops of one number type, compiled for one instruction set. */
typedef struct {
    void (*elements)(const void *data, int64_t start, int64_t n, Sums *root, Elements *found, Magnitudes *bins);
    int (*units)(const Units *job, int64_t first, int64_t last);
    double (*square)(const void *data, int64_t start, int64_t n);
} Loops;

extern uint64_t position_weights[SEGMENT]; /* weight(2^41 + j) */
uint64_t weight(uint64_t place);
int statistics_prepare(int most); /* chooses the best instruction set up to `most`: 0 plain, 1 AVX2, 2 AVX-512 */

/* 0, or -1 when memory ran out. `bins` may be NULL. */
int statistics_elements(const void *data, int64_t n, enum number type, int threads, Elements *found, Magnitudes *bins);
int statistics_units(Units *job, enum number type, int threads);
/* Only `square` of the units of a (1, samples, entries) array, the same bits. */
void statistics_squares(const void *data, int64_t samples, int64_t entries, enum number type, double *out);

/* Calls work(job, part, parts) for every part at the same time and returns when all are done. */
void in_parallel(void (*work)(void *job, int part, int parts), void *job, int parts);
#endif
