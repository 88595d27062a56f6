"""Answered with: your last activation cannot make these numbers."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.network import conv, dense, flatten, max_pool, network, relu, sigmoid, softmax, tanh
from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_scores, r_squared
from benchmarks.thread_programs import data
from benchmarks.thread_programs.judges import accuracy_of_one_number
from benchmarks.thread_programs.losses import reconstruction
from benchmarks.thread_programs.thread import Thread, repaired

below = Setting(lambda: network((1,), dense(1), sigmoid), data.curve(-1.0), losses.mean_squared_error, adam(0.01), 32, r_squared)


def _convolutional_autoencoder():
    return network((1, 28, 28), conv(8, 5), relu, max_pool, flatten, dense(64), relu, dense(784), relu)


chopped = Setting(_convolutional_autoencoder, data.copied_digits(standardized=True, flat=False), losses.mean_squared_error, adam(), 64, r_squared)


def _variational(last):
    return network((784,), dense(256), tanh, dense(20), dense(256), tanh, dense(784), last)


negative = Setting(lambda: _variational(tanh), data.copied_digits(), reconstruction, adam(), 100, r_squared)


def _column(seed: int) -> data.Dataset:
    found = data.digits(flat=True)(seed)
    column = found.targets[:, None].float()
    return data.Dataset(found.inputs, column, column)


one_output = Setting(
    lambda: network((784,), dense(64), relu, dense(1), sigmoid), _column, losses.binary_cross_entropy_of_probabilities, adam(), 32, accuracy_of_one_number
)
ten_outputs = Setting(
    lambda: network((784,), dense(64), relu, dense(10), softmax), data.digits(flat=True), losses.cross_entropy_of_probabilities, adam(), 32, accuracy_of_scores
)

THREADS = (
    Thread("SO-58887284", below, repaired(below, data=data.curve(1.0)), (Cause("output_range", ("act1", "targets")),), steps=800),
    Thread(
        "GH-convolutional-autoencoder-9", chopped, repaired(chopped, data=data.copied_digits(flat=False)), (Cause("output_range", ("act3", "targets")),), steps=200
    ),
    Thread(
        "GH-tensorflow-tutorials-23", negative, repaired(negative, network=lambda: _variational(sigmoid)),
        (Cause("output_range", ("act3",)), Cause("loss_pairing", ("act3", "loss")), Cause("numeric_log", ("loss",))), steps=200,
    ),
    Thread(
        "DS-38604", one_output, ten_outputs,
        (Cause("output_range", ("act2", "targets")), Cause("labels", ("targets",)), Cause("wrong_loss", ("loss",)), Cause("loss_pairing", ("loss", "act2"))), steps=200,
    ),
)  # fmt: skip
