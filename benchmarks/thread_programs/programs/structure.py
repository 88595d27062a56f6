"""Answered with: look at the layers – no activation between them, the wrong one inside a cell, a norm that never learns."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.network import batch_norm, conv, dense, flatten, max_pool, network, relu
from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs import data
from benchmarks.thread_programs.modules import RectifiedLSTM, module, torch_conv, torch_dense
from benchmarks.thread_programs.thread import Thread, repaired
from torch import relu as rectify
from torch import tanh as squash

LINEAR = ("fc1", "fc2", "fc3", "fc4", "fc5", "fc6")


def _stack(features: int, widths: tuple[int, ...], *between):
    layers = [layer for width in widths for layer in (dense(width), *between)]
    return lambda: network((features,), *layers, dense(1))


sums = Setting(_stack(2, (2, 64, 32)), data.bowl, losses.mean_squared_error, adam(0.01), 32, r_squared)
products = Setting(_stack(2, (20, 100, 1000, 100, 20)), data.products, losses.mean_squared_error, adam(), 100, r_squared)


def _zoo(activation):
    return lambda: network((1, 64), torch_conv(16, 8), relu, module("lstm", lambda: RectifiedLSTM(16, 64, activation)), torch_dense(3))


cells = Setting(_zoo(rectify), data.sines, losses.logits_cross_entropy, adam(0.01, eps=1e-8), 32)


def _inception(momentum: float):
    block = (conv(16, 3, bias=False), batch_norm(momentum), relu, max_pool)
    return lambda: network((3, 32, 32), *block, *block, conv(32, 3, bias=False), batch_norm(momentum), relu, max_pool, flatten, dense(10))


still = Setting(_inception(0.0), data.coloured, losses.logits_cross_entropy, adam(), 64)

THREADS = (
    Thread("AI-18134", sums, repaired(sums, network=_stack(2, (2, 64, 32), relu)), (Cause("missing_nonlinearity", (*LINEAR[:4], "")),), steps=600),
    Thread("DS-60170", products, repaired(products, network=_stack(2, (20, 100, 1000, 100, 20), relu)), (Cause("missing_nonlinearity", (*LINEAR, "")),), steps=300),
    Thread("GH-tsgm-59", cells, repaired(cells, network=_zoo(squash)), (Cause("exploding_activation", ("lstm1",)),), steps=200),
    Thread("GH-cadene-5", still, repaired(still, network=_inception(0.1)), (Cause("normalization", ("bn1", "bn2", "bn3"), ("bn*",)),), steps=150),
)  # fmt: skip
