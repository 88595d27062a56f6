/* A plain chain of tanh layers of one width: h_{l+1} = tanh(W_l h_l + b_l). All arrays float32, row-major, back to back.

   weights, momenta, rests (layers, width, width); biases and theirs (layers, width); signals (layers + 1, width, batch): features before
   samples. Width and batch are multiples of 16, columns ranges too. Layers are counted within the arrays that are given. */
#ifndef STEADYGRAD_CHAIN_H
#define STEADYGRAD_CHAIN_H

#include <stdint.h>

typedef struct {
    int64_t layers, width, batch;
} Chain;

/* What a layer is updated with. `rests` holds what rounding took from earlier updates (Kahan), or is NULL. */
typedef struct {
    float *weights, *biases, *momenta, *bias_momenta, *rests;
    float rate, bias_rate, momentum;
} Update;

/* Instruction set to use, at most `most`: 0 plain, 1 AVX2, 2 AVX-512. Returns the one that is used. */
int chain_prepare(int most);

/* Columns [from, to) of signals 1 … layers from signal 0. */
void chain_forward(Chain chain, const float *weights, const float *biases, float *signals, int64_t from, int64_t to);

/* Columns [from, to): `slopes` (layers, width, batch) becomes ∂loss/∂(W h + b); `gradient` (width, batch) goes from ∂loss/∂(last signal)
   to ∂loss/∂(signal 0). */
void chain_backward(Chain chain, const float *weights, const float *signals, float *slopes, float *gradient, int64_t from, int64_t to);

/* Layers [first, last): gradient = slopes · signalsᵀ, v = momentum·v + gradient, W −= rate·v. `squares[l]` becomes Σ gradient².
   Returns 0, or −1 when memory ran out. */
int chain_update(Chain chain, Update update, const float *signals, const float *slopes, double *squares, int64_t first, int64_t last);

#endif
