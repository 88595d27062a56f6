"""Answered with: a softmax over one unit is always one."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import uniform
from benchmarks.faulty_programs.network import batch_norm, conv, dense, dropout, flatten, leaky_relu, network, sigmoid, softmax, tanh, zero_pad
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities
from benchmarks.thread_programs import data
from benchmarks.thread_programs.modules import torch_dense
from benchmarks.thread_programs.thread import Thread, repaired


def _toy(last):
    hidden = (tanh, dropout(0.5))
    return lambda: network((2,), dense(64, uniform(0.05)), *hidden, dense(64, uniform(0.05)), *hidden, dense(1, uniform(0.05)), last)


toy = Setting(_toy(softmax), data.hand_sum, losses.mean_squared_error, sgd(0.1, 0.9, nesterov=True), 16, accuracy_of_probabilities)


def _small(last):
    return lambda: network((2,), torch_dense(2), sigmoid, torch_dense(1), last)


small = Setting(_small(softmax), data.two_moons_like, losses.mean_squared_error, adam(eps=1e-8), 32, accuracy_of_probabilities)


def _series(last):
    def make():
        first = (zero_pad(1, 2), conv(16, 4, same=False), batch_norm(), leaky_relu, dropout(0.2))
        second = (zero_pad(1, 2), conv(8, 4, same=False), batch_norm(), leaky_relu, dropout(0.2))
        return network((4, 10), *first, *second, flatten, dense(64), batch_norm(), leaky_relu, dense(1), last)

    return make


series = Setting(_series(softmax), data.ticks, losses.binary_cross_entropy_of_probabilities, adam(), 128, accuracy_of_probabilities)

THREADS = (
    Thread("GH-keras-126", toy, repaired(toy, network=_toy(sigmoid)), (Cause("output_constant", ("act3",)),), steps=600),
    Thread("GH-flux-1546", small, repaired(small, network=_small(sigmoid)), (Cause("output_constant", ("act2",)),), steps=2500),
    Thread("SO-keras-cnn-always-1", series, repaired(series, network=_series(sigmoid)), (Cause("output_constant", ("act4",)),), steps=1500),
)
