/* The three passes of chain.h, compiled once for each instruction set: NAME(x) names them, TARGET is the attribute. */

static inline __attribute__((always_inline)) TARGET int NAME(product)(lanes tile[ROWS][2], int wide, const float *left, int64_t row, int64_t step, const float *right, int64_t stride, int64_t inner) {
    if (wide) {
        TILE(2)
        return 2;
    }
    TILE(1)
    return 1;
}

static TARGET void NAME(forward)(Chain chain, const float *weights, const float *biases, float *signals, int64_t from, int64_t to) {
    const int64_t n = chain.width, m = chain.batch;
    for (int64_t l = 0; l < chain.layers; l++) {
        const float *w = weights + l * n * n, *bias = biases + l * n, *h = signals + l * n * m;
        float *out = signals + (l + 1) * n * m;
        for (int64_t j = from, columns = 2; j < to; j += columns * LANES)
            for (int64_t i = 0; i < n; i += ROWS) {
                lanes tile[ROWS][2];
                columns = NAME(product)(tile, j + 2 * LANES <= to, w + i * n, n, 1, h + j, m, n);
                for (int r = 0; r < ROWS; r++)
                    for (int c = 0; c < columns; c++) {
                        lanes u = tile[r][c] + bias[i + r];
                        TANH(u);
                        STORE(out + (i + r) * m + j + c * LANES, u);
                    }
            }
    }
}

static TARGET void NAME(backward)(Chain chain, const float *weights, const float *signals, float *slopes, float *gradient, int64_t from, int64_t to) {
    const int64_t n = chain.width, m = chain.batch;
    for (int64_t l = chain.layers - 1; l >= 0; l--) {
        const float *w = weights + l * n * n, *out = signals + (l + 1) * n * m;
        float *d = slopes + l * n * m;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = from; j < to; j++) d[i * m + j] = gradient[i * m + j] * (1.0f - out[i * m + j] * out[i * m + j]);
        for (int64_t j = from, columns = 2; j < to; j += columns * LANES)
            for (int64_t i = 0; i < n; i += ROWS) {
                if (l > 0) /* what comes next lies below: no processor guesses that */
                    for (int64_t k = i * n; k < (i + ROWS) * n; k += LANES) __builtin_prefetch(w - n * n + k);
                lanes tile[ROWS][2];
                columns = NAME(product)(tile, j + 2 * LANES <= to, w + i, 1, n, d + j, m, n);
                for (int r = 0; r < ROWS; r++)
                    for (int c = 0; c < columns; c++) STORE(gradient + (i + r) * m + j + c * LANES, tile[r][c]);
            }
    }
}

static TARGET int NAME(update)(Chain chain, Update update, const float *signals, const float *slopes, double *squares, int64_t first, int64_t last) {
    const int64_t n = chain.width, m = chain.batch;
    float *turned = malloc((size_t)(n * m) * sizeof(float));
    if (!turned) return -1;
    for (int64_t l = first; l < last; l++) {
        const float *h = signals + l * n * m, *d = slopes + l * n * m;
        for (int64_t k = 0; k < n; k++)
            for (int64_t j = 0; j < m; j++) turned[j * n + k] = h[k * m + j];
        lanes sum = {0};
        for (int64_t k = 0, columns = 2; k < n; k += columns * LANES)
            for (int64_t i = 0; i < n; i += ROWS) {
                lanes tile[ROWS][2];
                columns = NAME(product)(tile, k + 2 * LANES <= n, d + i * m, m, 1, turned + k, n, m);
                for (int r = 0; r < ROWS; r++)
                    for (int c = 0; c < columns; c++) {
                        sum += tile[r][c] * tile[r][c];
                        STEP(l * n * n + (i + r) * n + k + c * LANES, tile[r][c]);
                    }
            }
        squares[l] = 0.0;
        for (int t = 0; t < LANES; t++) squares[l] += (double)sum[t];
        for (int64_t i = 0; i < n; i++) {
            lanes part = {0}, x;
            for (int64_t j = 0; j < m; j += LANES) LOAD(x, d + i * m + j), part += x;
            float g = 0.0f, *v = update.bias_momenta + l * n + i;
            for (int t = 0; t < LANES; t++) g += part[t];
            *v = *v * update.momentum + g;
            update.biases[l * n + i] -= update.bias_rate * *v;
        }
    }
    free(turned);
    return 0;
}
