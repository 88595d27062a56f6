"""Answered with: your learning rate is too high."""

import numpy as np
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import normal, truncated_normal, uniform
from benchmarks.faulty_programs.network import conv, dense, flatten, max_pool, network, relu, tanh
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs.data import digits
from benchmarks.thread_programs.losses import quadratic_cost
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_three import data
from benchmarks.thread_programs_three.losses import sum_of_squares
from benchmarks.thread_programs_three.modules import DeepReader, Factors
from benchmarks.thread_programs_three.thread import Thread
from benchmarks.thread_programs_two import texts

FAST = Cause("lr_high", ("optimizer",))
RAW = Cause("input_scale", ("inputs",))

fives = Setting(lambda: network((1,), dense(1, normal(1.0))), data.multiples(np.arange(5, 45, 5), 0.4), losses.mean_squared_error, sgd(0.01), 8, r_squared)

tens = Setting(lambda: network((1,), dense(1, uniform(1000))), data.multiples(np.arange(10, 50, 10), 2.0), losses.mean_squared_error, sgd(0.1), 4, r_squared)
ones = data.multiples(np.arange(10, 50, 10), 2.0, divided_by=10)

factors = Setting(lambda: Factors(False), data.quadratic, sum_of_squares, sgd(0.01), 4, r_squared)


def _mnist():
    init = truncated_normal(0.1)
    block = (conv(16, 5, init), relu, max_pool)
    return network((1, 28, 28), *block, conv(32, 5, init), relu, max_pool, flatten, dense(128, init), relu, dense(10, init))


strokes = Setting(_mnist, digits(), losses.logits_cross_entropy, sgd(0.5, 0.9), 32)

tilted = Setting(lambda: network((2,), dense(8, uniform(0.5)), tanh, dense(1, uniform(0.5))), data.plane, quadratic_cost, sgd(1.0), 1, r_squared)

reader = Setting(DeepReader, texts.topics, losses.logits_cross_entropy, adam(0.02, eps=1e-8), 32)

THREADS = (
    Thread("SO-48335501", fives, repaired(fives, optimizer=sgd(0.001)), (FAST, RAW), steps=400),
    Thread("SO-nan-line", tens, repaired(tens, data=ones), (FAST, RAW), steps=1500),
    Thread(
        "SO-quadratic-factors", factors, repaired(factors, network=lambda: Factors(True), optimizer=sgd(0.0001)),
        (FAST, Cause("symmetry", ("first", "second"))), steps=2000,
    ),
    Thread("GH-CNTK-204", strokes, repaired(strokes, optimizer=sgd(0.05, 0.9)), (FAST,), steps=120),
    Thread("GH-playground-3", tilted, repaired(tilted, optimizer=sgd(0.1)), (FAST,), steps=1000),
    Thread("GH-nlp-tutorial-77", reader, repaired(reader, optimizer=adam(0.002, eps=1e-8)), (FAST,), steps=150),
)  # fmt: skip
