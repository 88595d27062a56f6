"""Answered with: look at your inputs – raw, all zero, divided twice, not a number."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import normal, uniform
from benchmarks.faulty_programs.network import conv, dense, dropout, flatten, max_pool, network, relu, sigmoid, softmax, tanh
from benchmarks.faulty_programs.optimizers import adadelta, adam, rmsprop, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities, r_squared
from benchmarks.thread_programs import data
from benchmarks.thread_programs.losses import cross_entropy_of_guesses
from benchmarks.thread_programs.modules import log_softmax, torch_conv, torch_dense
from benchmarks.thread_programs.thread import Thread, repaired
from torch.nn.functional import nll_loss, smooth_l1_loss

RAW = Cause("input_scale", ("inputs",))


def _iris_net():
    hidden = (dense(10, uniform(0.05)), tanh, dropout(0.5))
    return network((4,), *hidden, *hidden, dense(3, uniform(0.05)), softmax)


iris = Setting(_iris_net, data.iris(), losses.cross_entropy_of_probabilities, sgd(0.1, 0.9, nesterov=True), 16)


def _mnist_net():
    return network((784,), dense(512), relu, dropout(0.2), dense(512), relu, dropout(0.2), dense(10), softmax)


mnist = Setting(_mnist_net, data.digits(255, flat=True), losses.cross_entropy_of_probabilities, rmsprop(), 128)


def _odd(seed: int) -> data.Dataset:
    found = data.digits()(seed)
    return data.Dataset(found.inputs, found.targets % 2, found.targets % 2)


def _odd_net():
    return network((1, 28, 28), conv(16, 3), relu, max_pool, flatten, dense(64), relu, dense(2), softmax)


players = Setting(_odd_net, lambda seed: _odd(seed).changed(data.empty), losses.cross_entropy_of_probabilities, sgd(0.01, 0.9), 32)


def _autoencoder():
    return network((784,), dense(32), relu, dense(784), sigmoid)


bytes_copied = Setting(_autoencoder, data.copied_digits(255), losses.binary_cross_entropy_of_probabilities, adadelta(), 256, r_squared)

brands = Setting(lambda: network((2,), torch_dense(3), log_softmax), data.consumers(), nll_loss, sgd(0.01), 10)


def _pulse_net():
    return network((2,), torch_dense(10), sigmoid, torch_dense(1), sigmoid)


pulse = Setting(_pulse_net, data.pulses(), losses.binary_cross_entropy_of_probabilities, adam(), 32, accuracy_of_probabilities)

guesses = Setting(
    lambda: network((784,), dense(10, normal(1 / 28)), softmax), data.digits(255, flat=True, one_hot=True), cross_entropy_of_guesses, sgd(0.01), 64,
)  # fmt: skip


def _q_net():
    body = (torch_conv(16, 8, 4), relu, torch_conv(32, 4, 2), relu, flatten)
    return network((4, 42, 42), *body, torch_dense(128), relu, torch_dense(6))


frames = Setting(_q_net, data.frames(1 / 255), smooth_l1_loss, adam(5e-4, eps=1e-8), 32, r_squared)

forecast = Setting(
    lambda: network((17,), torch_dense(64), relu, torch_dense(64), relu, torch_dense(1)), data.weather(False), losses.mean_squared_error, adam(), 32, r_squared
)

THREADS = (
    Thread("GH-keras-508", iris, repaired(iris, data=data.iris(True)), (RAW,), steps=600),
    Thread("GH-keras-6914", mnist, repaired(mnist, data=data.digits(flat=True)), (RAW,), steps=100),
    Thread("GH-keras-255", players, repaired(players, data=_odd), (RAW,), steps=200),
    Thread(
        "GH-keras-3642", bytes_copied, repaired(bytes_copied, data=data.copied_digits()),
        (RAW, Cause("output_range", ("act2", "targets")), Cause("labels", ("targets",)), Cause("target_scale", ("targets",))), steps=800,
    ),
    Thread("GH-torch-demos-6", brands, repaired(brands, data=data.consumers(True)), (RAW,), steps=600),
    Thread(
        "WEB-heart-rate", pulse, repaired(pulse, data=data.pulses(True), optimizer=adam(0.01)),
        (RAW, Cause("saturating_activation", ("act1",)), Cause("lr_low", ("optimizer",))), steps=1000,
    ),
    Thread(
        "FA-1441", guesses, repaired(guesses, data=data.digits(flat=True, one_hot=True)),
        (RAW, Cause("numeric_log", ("loss",))), steps=300,
    ),
    Thread("GH-baselines-632", frames, repaired(frames, data=data.frames()), (RAW,), steps=200),
    Thread("GH-neural-lam-136", forecast, repaired(forecast, data=data.weather(True)), (RAW,), steps=300),
)  # fmt: skip
