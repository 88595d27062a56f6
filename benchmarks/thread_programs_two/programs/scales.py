"""Answered with: look at the size of your numbers – inputs, targets, first weights."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import normal, uniform
from benchmarks.faulty_programs.network import dense, network, relu, sigmoid, tanh
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities, r_squared
from benchmarks.thread_programs.data import digits
from benchmarks.thread_programs.modules import Unet, torch_dense
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data
from benchmarks.thread_programs_two.thread import Thread
from torch import nn

RAW = Cause("input_scale", ("inputs",))
LARGE = Cause("target_scale", ("targets",))


def _brain(inputs: int, hidden: int):
    return lambda: network((inputs,), dense(hidden, uniform(0.2)), sigmoid, dense(1, uniform(0.2)), sigmoid)


liking = Setting(_brain(3, 3), data.colours(255), losses.mean_squared_error, sgd(0.3, 0.1), 8, accuracy_of_probabilities)

rents = Setting(_brain(3, 3), data.houses(False), losses.mean_squared_error, sgd(0.3, 0.1), 8, r_squared)

line = Setting(lambda: network((8,), torch_dense(1)), data.districts(False), losses.mean_squared_error, sgd(1e-5), 64, r_squared)

mill = Setting(lambda: network((2,), torch_dense(5), tanh, torch_dense(1), tanh), data.winds(False), losses.mean_squared_error, adam(0.01), 50, r_squared)

densities = Setting(lambda: Unet(1, nn.Identity()), data.cells(1.0), losses.mean_squared_error, adam(eps=1e-8), 16, r_squared)


def _three_layers(scale: float):
    return lambda: network((784,), dense(200, normal(scale)), relu, dense(100, normal(scale)), relu, dense(10, normal(scale)))


faint = Setting(_three_layers(1e-3), digits(flat=True), losses.logits_cross_entropy, sgd(0.1), 16)

THREADS = (
    Thread(
        "GH-brainjs-98", liking, repaired(liking, data=data.colours(1)),
        (RAW, Cause("saturating_activation", ("act1",))), steps=1500,
    ),
    Thread(
        "GH-brainjs-195", rents, repaired(rents, data=data.houses(True)),
        (LARGE, Cause("output_range", ("act2", "targets")), RAW), steps=2500,
    ),
    Thread(
        "GH-deltaml-248", line, repaired(line, data=data.districts(True), optimizer=sgd(0.05)),
        (RAW, LARGE, Cause("lr_high", ("optimizer",))), steps=200,
    ),
    Thread("GH-neurolab-8", mill, repaired(mill, data=data.winds(True)), (Cause("output_range", ("act2", "targets")), LARGE), steps=600),
    Thread("GH-cell-counting-9", densities, repaired(densities, data=data.cells(100.0)), (LARGE, Cause("data_balance", ("targets",))), steps=120),
    Thread(
        "GH-numpy-neural-network-1", faint, repaired(faint, network=_three_layers(1e-2)),
        (Cause("init_scale", ("fc1", "fc2"), ("fc*",)),), steps=600,
    ),
)  # fmt: skip
