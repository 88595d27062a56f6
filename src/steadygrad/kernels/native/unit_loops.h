/* Loops over units, included by statistics_loops.h. Memory is (outer, units, inner).

   inner < RUN: lanes are neighbouring columns, a column being one position of one unit; rows are added one after the
   other, the columns of a unit joined at the end. inner >= RUN: lanes are positions inside a run of one unit.
   `careful` is 0 on the short way: all entries finite, no thresholds. */

typedef struct {
    double sum[LANES], square[LANES];
    uint64_t hash[LANES];
    BITS largest[LANES], zeros[LANES], bad[LANES], outside[LANES], differ[LANES], first[LANES];
} NAME(Tile);

#define MIXED(bits) ((bits) * (BITS)(WIDE ? MIX : MIX_SHORT) ^ (bits) * (BITS)(WIDE ? MIX : MIX_SHORT) >> (WIDE ? 32 : 15))
#define UNIT(place, like, weight)                                                                                      \
    {                                                                                                                  \
        const BITS all = TO_BITS(p[place]), finite = FINITE(SIZE(all)), mixed = MIXED(all);                            \
        const BITS bits = careful ? all & finite : all, size = SIZE(bits);                                             \
        const double x = (double)NAME(real)(bits);                                                                     \
        s += x;                                                                                                        \
        q = ADD_SQUARE(x, q);                                                                                          \
        h += (uint64_t)mixed * (weight);                                                                               \
        m = size > m ? size : m;                                                                                       \
        z += ZERO(SIZE(all));                                                                                          \
        if (careful) b += finite + 1;                                                                                  \
        if (careful) o += (BITS)(NAME(real)(all) < low) | (BITS)(NAME(real)(all) > high);                              \
        d |= all ^ (like);                                                                                             \
    }
#define FOR_EACH_LANE(entries)                                                                                         \
    for (int lane = 0; lane < lanes; lane++) {                                                                         \
        double s = tile->sum[lane], q = tile->square[lane];                                                            \
        uint64_t h = tile->hash[lane];                                                                                 \
        BITS m = tile->largest[lane], z = tile->zeros[lane], b = tile->bad[lane], o = tile->outside[lane];             \
        BITS d = tile->differ[lane];                                                                                   \
        entries                                                                                                        \
        tile->sum[lane] = s, tile->square[lane] = q, tile->hash[lane] = h;                                             \
        tile->largest[lane] = m, tile->zeros[lane] = z, tile->bad[lane] = b, tile->outside[lane] = o;                  \
        tile->differ[lane] = d;                                                                                        \
    }
#define COLUMN(row) UNIT((row) * stride + lane, tile->first[lane], weights[row])
#define POSITION(place) UNIT(place, first, weights[place])

/* 16 rows, then single rows, of `lanes` columns. */
INLINE void NAME(column_rows)(const WORD *restrict p, int64_t rows, int64_t stride, int lanes, int careful, REAL low,
                              REAL high, const uint64_t *restrict weights, NAME(Tile) *restrict tile) {
    for (; rows >= 16; rows -= 16, p += 16 * stride, weights += 16) {
        for (int row = 0; row < 16; row++) PREFETCH(p + row * stride + LANES); /* the neighbours come next */
        FOR_EACH_LANE(COLUMN(0) COLUMN(1) COLUMN(2) COLUMN(3) COLUMN(4) COLUMN(5) COLUMN(6) COLUMN(7)
                      COLUMN(8) COLUMN(9) COLUMN(10) COLUMN(11) COLUMN(12) COLUMN(13) COLUMN(14) COLUMN(15))
    }
    for (; rows > 0; rows--, p += stride, weights++)
        FOR_EACH_LANE(COLUMN(0))
}

/* Blocks of 16 rows, then single rows, of one segment of a run. */
INLINE void NAME(segment)(const WORD *restrict p, int64_t n, BITS first, int careful, REAL low, REAL high,
                          NAME(Tile) *restrict tile) {
    const uint64_t *restrict weights = position_weights;
    int lanes = LANES;
    for (; n >= BLOCK; n -= BLOCK, p += BLOCK, weights += BLOCK) {
        for (int row = 0; row < 16; row++) PREFETCH(p + 2 * BLOCK + row * LANES);
        FOR_EACH_LANE(SIXTEEN_ROWS(POSITION))
    }
    for (; n >= LANES; n -= LANES, p += LANES, weights += LANES)
        FOR_EACH_LANE(POSITION(lane))
    lanes = (int)n;
    FOR_EACH_LANE(POSITION(lane))
}

/* Everything of one lane but its sums, joined to its unit. */
INLINE void NAME(join)(const Units *job, int64_t unit, const NAME(Tile) *tile, int lane) {
    const double largest = (double)NAME(real)(tile->largest[lane]);
    if (largest > job->largest[unit]) job->largest[unit] = largest;
    job->zeros[unit] += (int64_t)tile->zeros[lane];
    job->nonfinite[unit] += (int64_t)tile->bad[lane];
    job->outside[unit] += (int64_t)tile->outside[lane];
    job->varies[unit] |= tile->differ[lane] != 0;
}

/* ---- inner < RUN ------------------------------------------------------------------------------------------------ */

INLINE int NAME(column_pass)(const Units *job, int64_t from, int64_t to, int careful, NAME(Tile) *tiles) {
    const WORD *data = (const WORD *)job->data;
    const int64_t stride = job->units * job->inner, band = 64;
    BITS most = 0;
    memset(tiles, 0, (size_t)((to - from + LANES - 1) / LANES) * sizeof *tiles);
    for (int64_t unit = from, k = 0; unit < to; unit += job->inner)
        for (int64_t i = 0; i < job->inner; i++, k++) tiles[k / LANES].first[k % LANES] = TO_BITS(data[unit]);
    for (int64_t row = 0; row < job->outer; row += band)
        for (int64_t column = from; column < to; column += LANES)
            NAME(column_rows)(data + row * stride + column, job->outer - row < band ? job->outer - row : band, stride,
                              to - column < LANES ? (int)(to - column) : LANES, careful, (REAL)job->low,
                              (REAL)job->high, job->row_weights + row, tiles + (column - from) / LANES);
    for (int64_t tile = 0; tile < (to - from + LANES - 1) / LANES; tile++)
        for (int lane = 0; lane < LANES; lane++)
            most = tiles[tile].largest[lane] > most ? tiles[tile].largest[lane] : most;
    return most < INFINITE;
}
TARGET static int NAME(finite_columns)(const Units *job, int64_t from, int64_t to, NAME(Tile) *tiles) {
    return NAME(column_pass)(job, from, to, 0, tiles);
}
TARGET static int NAME(careful_columns)(const Units *job, int64_t from, int64_t to, NAME(Tile) *tiles) {
    return NAME(column_pass)(job, from, to, 1, tiles);
}

/* Columns of a unit: sums by halves, hashes with the weight of each position. */
TARGET static void NAME(close_columns)(const Units *job, int64_t from, int64_t to, const NAME(Tile) *tiles) {
    const uint64_t segment = weight((uint64_t)1 << 40);
    double sum[RUN], square[RUN];
    for (int64_t unit = from / job->inner, k = 0; unit < to / job->inner; unit++) {
        if (job->inner > 1) memset(sum, 0, sizeof sum), memset(square, 0, sizeof square);
        uint64_t hash = 0;
        for (int64_t i = 0; i < job->inner; i++, k++) {
            const NAME(Tile) *tile = tiles + k / LANES;
            sum[i] = tile->sum[k % LANES], square[i] = tile->square[k % LANES];
            hash += tile->hash[k % LANES] * position_weights[i];
            NAME(join)(job, unit, tile, (int)(k % LANES));
        }
        for (int half = job->inner == 1 ? 0 : RUN / 2; half; half /= 2)
            for (int i = 0; i < half; i++) sum[i] += sum[i + half], square[i] += square[i + half];
        job->sum[unit] = sum[0], job->square[unit] = square[0], job->hash[unit] = hash * segment;
    }
}

TARGET static int NAME(columns)(const Units *job, int64_t from, int64_t to) {
    NAME(Tile) few[2], *tiles = few;
    const int64_t wanted = (to - from + LANES - 1) / LANES;
    if (wanted > 2 && !(tiles = malloc((size_t)wanted * sizeof *tiles))) return -1;
    if (job->limited || !NAME(finite_columns)(job, from, to, tiles)) NAME(careful_columns)(job, from, to, tiles);
    NAME(close_columns)(job, from, to, tiles);
    if (tiles != few) free(tiles);
    return 0;
}

/* ---- inner >= RUN ----------------------------------------------------------------------------------------------- */

/* All runs of one unit. */
INLINE int NAME(run_pass)(const Units *job, int64_t unit, int careful, NAME(Tile) *tile) {
    const WORD *start = (const WORD *)job->data + unit * job->inner;
    const BITS first = TO_BITS(*start);
    double sum = 0, square = 0;
    uint64_t hash = 0;
    memset(tile, 0, sizeof *tile);
    for (int64_t row = 0; row < job->outer; row++, start += job->units * job->inner) {
        for (int64_t i = 0; i < job->inner; i += SEGMENT) {
            uint64_t inside = 0;
            NAME(segment)(start + i, job->inner - i < SEGMENT ? job->inner - i : SEGMENT, first, careful,
                          (REAL)job->low, (REAL)job->high, tile);
            for (int lane = 0; lane < LANES; lane++) inside += tile->hash[lane], tile->hash[lane] = 0;
            hash += inside * job->row_weights[row] * weight(((uint64_t)1 << 40) + (uint64_t)(i / SEGMENT));
        }
        join_lanes(tile->sum, tile->square);
        sum += tile->sum[0], square += tile->square[0];
        memset(tile->sum, 0, sizeof tile->sum), memset(tile->square, 0, sizeof tile->square);
    }
    job->sum[unit] = sum, job->square[unit] = square, job->hash[unit] = hash;
    BITS most = 0;
    for (int lane = 0; lane < LANES; lane++) most = tile->largest[lane] > most ? tile->largest[lane] : most;
    return most < INFINITE;
}
TARGET static int NAME(finite_run)(const Units *job, int64_t unit, NAME(Tile) *tile) {
    return NAME(run_pass)(job, unit, 0, tile);
}
TARGET static int NAME(careful_run)(const Units *job, int64_t unit, NAME(Tile) *tile) {
    return NAME(run_pass)(job, unit, 1, tile);
}

/* Everything of all lanes but their sums, joined to their one unit. */
TARGET static void NAME(close_run)(const Units *job, int64_t unit, const NAME(Tile) *tile) {
    BITS most = 0, differ = 0;
    int64_t zeros = 0, bad = 0, outside = 0;
    for (int lane = 0; lane < LANES; lane++) {
        most = tile->largest[lane] > most ? tile->largest[lane] : most, differ |= tile->differ[lane];
        zeros += (int64_t)tile->zeros[lane], bad += (int64_t)tile->bad[lane], outside += (int64_t)tile->outside[lane];
    }
    job->largest[unit] = (double)NAME(real)(most), job->varies[unit] = differ != 0;
    job->zeros[unit] = zeros, job->nonfinite[unit] = bad, job->outside[unit] = outside;
}

TARGET static int NAME(units)(const Units *job, int64_t from, int64_t to) {
    NAME(Tile) tile;
    if (job->inner < RUN) return NAME(columns)(job, from * job->inner, to * job->inner);
    for (int64_t unit = from; unit < to; unit++) {
        if (job->limited || !NAME(finite_run)(job, unit, &tile)) NAME(careful_run)(job, unit, &tile);
        NAME(close_run)(job, unit, &tile);
    }
    return 0;
}

/* ---- one sample, only its square --------------------------------------------------------------------------------- */

INLINE void NAME(add_square)(WORD word, int masked, double *q) {
    const BITS all = TO_BITS(word), bits = masked ? all & FINITE(SIZE(all)) : all;
    const double x = (double)NAME(real)(bits);
    *q = ADD_SQUARE(x, *q);
}

INLINE double NAME(square_pass)(const WORD *restrict p, int64_t n, int masked) {
    double q[LANES] = {0}, none[LANES] = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const int lanes = n - i < LANES ? (int)(n - i) : LANES;
        PREFETCH(p + i + 2 * BLOCK);
        PREFETCH(p + i + 2 * BLOCK + LANES / 2);
        if (lanes == LANES) {
            for (int lane = 0; lane < LANES; lane++) NAME(add_square)(p[i + lane], masked, q + lane);
        } else {
            for (int lane = 0; lane < lanes; lane++) NAME(add_square)(p[i + lane], masked, q + lane);
        }
    }
    join_lanes(q, none);
    return q[0];
}

TARGET static double NAME(square)(const void *data, int64_t start, int64_t n) {
    const double all = NAME(square_pass)((const WORD *)data + start, n, 0);
    return all - all == 0 ? all : NAME(square_pass)((const WORD *)data + start, n, 1);
}

#undef MIXED
#undef UNIT
#undef FOR_EACH_LANE
#undef COLUMN
#undef POSITION
