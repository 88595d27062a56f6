"""Answered with: your last activation cannot make these numbers."""

import numpy as np
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.network import dense, network, relu, sigmoid, tanh
from benchmarks.faulty_programs.optimizers import adadelta, adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities, r_squared
from benchmarks.thread_programs.data import powers
from benchmarks.thread_programs.modules import torch_dense
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_three import data
from benchmarks.thread_programs_three.modules import Last
from benchmarks.thread_programs_three.thread import Thread
from torch import nn


def _narrow(*last):
    return lambda: network((1,), dense(8), relu, dense(4), relu, dense(1), *last)


straight = Setting(_narrow(relu), data.straight(), losses.mean_squared_error, adam(0.01), 7, r_squared)


def _copier(*last):
    return lambda: network((3,), dense(3), relu, dense(3), *last)


triples = Setting(_copier(sigmoid), data.triples, losses.mean_squared_error, adadelta(), 4, r_squared)


def _switch(last):
    return lambda: network((1,), dense(8), relu, dense(8), relu, dense(1), last)


reached = Setting(_switch(relu), data.above(50_000, 100_000), losses.binary_cross_entropy_of_probabilities, adam(), 5, accuracy_of_probabilities)


def _shallow(inputs: int, hidden: int, *last):
    return lambda: network((inputs,), torch_dense(hidden), sigmoid, torch_dense(1), *last)


wave = Setting(_shallow(1, 10, sigmoid), data.period, losses.mean_squared_error, adam(0.01), 16, r_squared)

signs = Setting(_shallow(5, 6, sigmoid), data.signs, losses.mean_squared_error, adam(0.01), 16, r_squared)

sums = Setting(_shallow(2, 4, sigmoid), data.sums, losses.mean_squared_error, sgd(0.1), 8, r_squared)

HUNDRED = np.arange(1, 101)
squares = Setting(_shallow(1, 20, sigmoid), powers(HUNDRED, 2), losses.mean_squared_error, sgd(0.1), 1, r_squared)

doubles = Setting(lambda: Last(5, 5, nn.Identity(), nn.Identity(), layers=2), data.doubles, losses.mean_squared_error, adam(0.01, eps=1e-8), 16, r_squared)

THREADS = (
    Thread(
        "DLAI-324182", straight, repaired(straight, network=_narrow()),
        (Cause("dead_units", ("act3", "fc3")), Cause("output_range", ("act3", "targets"))), steps=500,
    ),
    Thread("SO-44601367", triples, repaired(triples, network=_copier()), (Cause("output_range", ("act2", "targets")),), steps=1000),
    Thread(
        "SO-threshold-50000", reached, repaired(reached, network=_switch(sigmoid), data=data.above(50_000, 100_000, 100_000)),
        (
            Cause("output_range", ("act3",)), Cause("loss_pairing", ("act3", "loss")), Cause("dead_units", ("act3", "fc3")),
            Cause("input_scale", ("inputs",)),
        ), steps=2000,
    ),
    Thread("SO-1565115", wave, repaired(wave, network=_shallow(1, 10)), (Cause("output_range", ("act2", "targets")),), steps=3000),
    Thread("SO-5105718", signs, repaired(signs, network=_shallow(5, 6, tanh)), (Cause("output_range", ("act2", "targets")),), steps=1500),
    Thread(
        "SO-lstm-doubles", doubles, repaired(doubles, network=lambda: Last(5, 5, nn.Linear(5, 5), nn.Identity(), layers=2)),
        (Cause("output_range", ("lstm", "targets")),), steps=800,
    ),
    Thread("GH-Neural-Network-7", sums, repaired(sums, network=_shallow(2, 4)), (Cause("output_range", ("act2", "targets")),), steps=1500),
    Thread(
        "SO-neuroph-square", squares, repaired(squares, data=powers(HUNDRED, 2, inputs_by=100, targets_by=10_000)),
        (Cause("output_range", ("act2", "targets")), Cause("target_scale", ("targets",)), Cause("input_scale", ("inputs",))), steps=3000,
    ),
)  # fmt: skip
