/* Independent random entries by index. Every number is defined in ../../randomness/backends/numpy.py. */
#ifndef STEADYGRAD_DRAW_H
#define STEADYGRAD_DRAW_H
#include <stdint.h>

#define BLOCK_ENTRIES 128 /* a block: 32 Philox counters of four words each */
#define COUNTERS 32
#define AT_ONCE (4 * BLOCK_ENTRIES) /* of normal laws: 12 KB of intermediate numbers, which stay in the first cache with the table */

enum draw_kind { UNIFORM, NORMAL, TRUNCATED, CUT, RADEMACHER, DRAW_KINDS };
enum draw_type { SINGLE, DOUBLE, HALF, BRAIN, DRAW_TYPES };

/* Row r of `out`, `run` entries without gaps, holds entries start + r * stride ... of the whole tensor. */
typedef struct {
    void *out;
    int64_t rows, run;
    uint64_t start, stride, seed;
    uint32_t key[2];
    enum draw_kind kind;
    enum draw_type type;
    uint32_t first, span; /* TRUNCATED: of magnitudes; CUT: of ranks */
    double scale, mean;
} Draw;

/* Writes `count` whole blocks from block number `block` on. */
typedef void (*DrawBlocks)(const Draw *job, uint64_t block, int64_t count, void *out);

/* Segments by rising tail probability, octaves in the order opposite to the file's; c0 in bits 33-63, c2 in 22-32, c1 in 0-21.
   They are looked up by the upper bits of a double, of which the smallest, those of 0.5, are DRAW_FIRST. */
extern uint64_t draw_table[2048];
#define DRAW_FIRST (1022 << 6)
void draw_prepare(const uint64_t *table);
int draw_choose(int most); /* the best instruction set up to `most`: 0 plain, 1 AVX2, 2 AVX-512 */
void draw_entries(const Draw *job, int threads);
#endif
