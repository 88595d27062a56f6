"""Answered with: look at the size of your numbers – inputs, targets, first weights."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import normal, uniform
from benchmarks.faulty_programs.network import dense, network, relu, sigmoid, softmax
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities, r_squared
from benchmarks.thread_programs.data import digits
from benchmarks.thread_programs.modules import torch_dense
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_three import data
from benchmarks.thread_programs_three.modules import Last
from benchmarks.thread_programs_three.thread import Thread
from benchmarks.thread_programs_two.losses import of_taken_action
from torch import nn

RAW = Cause("input_scale", ("inputs",))
LARGE = Cause("target_scale", ("targets",))


def _ten_and_ten(first, second):
    return lambda: network((784,), dense(10, first), relu, dense(10, second), softmax)


strokes = Setting(_ten_and_ten(uniform(0.5), uniform(0.5)), data.bytes_of_digits, losses.cross_entropy_of_probabilities, sgd(0.1), 256)
careful = repaired(strokes, network=_ten_and_ten(normal(784**-0.5), normal(10**-0.5)), data=digits(flat=True))

houses = Setting(lambda: network((8,), dense(8), relu, dense(8), relu, dense(1)), data.houses(False), losses.mean_squared_error, adam(), 32, r_squared)

solitaire = Setting(
    lambda: network((24,), torch_dense(64), relu, torch_dense(64), relu, torch_dense(6)), data.rewards(3000), of_taken_action, sgd(0.01), 32, r_squared
)

half = Setting(
    lambda: network((1,), torch_dense(2), sigmoid, torch_dense(1), sigmoid),
    data.above(150, 300), losses.binary_cross_entropy_of_probabilities, sgd(0.1), 1, accuracy_of_probabilities,
)  # fmt: skip


def _sales():
    return Last(3, 64, nn.Sequential(nn.Dropout(0.3), nn.Linear(64, 1)), nn.Identity())


sales = Setting(_sales, data.windows(False), losses.mean_absolute_error, sgd(0.05, 0.9, nesterov=True), 32, r_squared)

THREADS = (
    Thread("SO-numpy-mnist", strokes, careful, (RAW, Cause("init_scale", ("fc1",), ("fc*",))), steps=400),
    Thread("CV-409000", houses, repaired(houses, data=data.houses(True)), (LARGE,), steps=600),
    Thread(
        "GH-open-spiel-742", solitaire, repaired(solitaire, data=data.rewards(1)),
        (LARGE, Cause("lr_high", ("optimizer",))), steps=3000,
    ),
    Thread(
        "GH-synaptic-208", half, repaired(half, data=data.above(150, 300, 300)),
        (RAW, Cause("saturating_activation", ("act1",))), steps=4000,
    ),
    Thread("GH-keras-4563", sales, repaired(sales, data=data.windows(True)), (LARGE,), steps=400),
)  # fmt: skip
