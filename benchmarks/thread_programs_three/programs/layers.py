"""Answered with: look at the layers – nothing between them, the wrong thing between them, too small a start."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.data import exclusive_or
from benchmarks.faulty_programs.initializers import uniform
from benchmarks.faulty_programs.network import batch_norm, conv, dense, flatten, network, relu, sigmoid, tanh
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities, r_squared
from benchmarks.thread_programs.modules import module, torch_dense
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_three import data
from benchmarks.thread_programs_three.thread import Thread
from torch import nn


def _gate(*between):
    return lambda: network((2,), torch_dense(8), *between, torch_dense(1), sigmoid)


gate = Setting(_gate(), exclusive_or, losses.mean_squared_error, sgd(0.5), 4, accuracy_of_probabilities)


def _deep(between):
    layers = [layer for _ in range(4) for layer in (dense(64), between)]
    return lambda: network((20,), *layers, dense(1))


deep = Setting(_deep(sigmoid), data.codes, losses.mean_squared_error, sgd(0.05), 32, r_squared)


def _blocks(*between):
    halve = module("pool", lambda: nn.AvgPool2d(2))
    block = [layer for width in (16, 32, 32) for layer in (conv(width, 3, bias=False), batch_norm(0.1), *between, halve)]
    return lambda: network((3, 32, 32), *block, flatten, dense(10))


blocks = Setting(_blocks(), data.bright_or_dark, losses.logits_cross_entropy, adam(), 64)


def _bends(bound: float):
    return lambda: network((2,), dense(50, uniform(bound)), tanh, dense(1, uniform(bound)))


bends = Setting(_bends(0.05), exclusive_or, losses.mean_squared_error, sgd(0.1), 4, r_squared)

THREADS = (
    Thread("PT-13287", gate, repaired(gate, network=_gate(relu)), (Cause("missing_nonlinearity", ("fc1", "fc2", "")),), steps=2000),
    Thread("AI-16557", deep, repaired(deep, network=_deep(relu)), (Cause("saturating_activation", ("act1",), ("act*",)),), steps=600),
    Thread(
        "GH-SPOS-1", blocks, repaired(blocks, network=_blocks(relu)),
        (Cause("missing_nonlinearity", ("conv1", "conv2", "conv3", "fc1", ""), ("conv*", "bn*")),), steps=150,
    ),
    Thread("GH-CNTK-757", bends, repaired(bends, network=_bends(0.5)), (Cause("init_scale", ("fc1", "fc2"), ("fc*",)),), steps=1500),
)  # fmt: skip
