"""Answered with: look at the size of your targets."""

import numpy as np
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.network import dense, network, relu, sigmoid
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs import data
from benchmarks.thread_programs.modules import elu, torch_dense
from benchmarks.thread_programs.thread import Thread, repaired

LARGE = Cause("target_scale", ("targets",))
TOO_FAST = Cause("lr_high", ("optimizer",))


def _fourth_power_net():
    return network((1,), dense(50), sigmoid, dense(50), elu, dense(1))


RANGE = np.linspace(-100, 100, 1001)
fourth = Setting(_fourth_power_net, data.powers(RANGE, 4), losses.mean_squared_error, adam(), 32, r_squared)


def _parabola(large: bool):
    """x standardized; x² + 3 for x in 0 … 99 as it is, or standardized."""

    def make(seed: int) -> data.Dataset:
        as_is, centred = data.powers(np.arange(100), 2, 3)(seed), data.powers(np.arange(100), 2, 3, centred=True)(seed)
        return data.Dataset(centred.inputs, as_is.targets, as_is.targets) if large else centred

    return make


parabola = Setting(lambda: network((1,), dense(1), dense(1)), _parabola(True), losses.mean_squared_error, sgd(0.01), 32, r_squared)


def _price_net():
    return network((40,), dense(64), relu, dense(64), relu, dense(1))


prices = Setting(_price_net, data.rooms(), losses.mean_squared_error, sgd(0.1), 16, r_squared)


def _cube_net():
    return network((1,), torch_dense(50), relu, torch_dense(1))


CUBED = np.arange(1, 4000)
cube = Setting(_cube_net, data.powers(CUBED, 3), losses.mean_squared_error, adam(eps=1e-8), 3999, r_squared)

THREADS = (
    Thread(
        "SO-52800582", fourth, repaired(fourth, data=data.powers(RANGE, 4, centred=True)),
        (LARGE, Cause("input_scale", ("inputs",)), Cause("saturating_activation", ("act1",))), steps=1500,
    ),
    Thread("CV-418955", parabola, repaired(parabola, data=_parabola(False)), (LARGE, TOO_FAST), steps=300),
    Thread("GH-dl-keras-tf-9", prices, repaired(prices, data=data.rooms(True), optimizer=sgd(0.01)), (LARGE, TOO_FAST), steps=300),
    Thread("PT-96648", cube, repaired(cube, data=data.powers(CUBED, 3, centred=True)), (LARGE, Cause("input_scale", ("inputs",))), steps=400),
)  # fmt: skip
