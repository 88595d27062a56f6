"""Answered with: something is not a number – a logarithm, a quotient or a root at zero."""

from benchmarks.faulty_programs.network import conv, dense, network, relu, sigmoid
from benchmarks.faulty_programs.optimizers import adam
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities
from benchmarks.thread_programs.modules import torch_conv
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_two import data
from benchmarks.thread_programs_two.judges import r_squared_in_windows, r_squared_up_to_scale
from benchmarks.thread_programs_two.losses import focal, focal_with_epsilon, intelligibility, local_correlation, local_correlation_or_zero
from benchmarks.thread_programs_two.thread import Thread
from torch import nn

UNDEFINED = (Cause("numeric_log", ("loss",)),)

frauds = Setting(lambda: network((10,), dense(32), relu, dense(32), relu, dense(1), sigmoid), data.payments, focal, adam(0.01), 128, accuracy_of_probabilities)

registered = Setting(
    lambda: network((1, 28, 28), torch_conv(8, 5, padding=2), relu, torch_conv(8, 5, padding=2), relu, torch_conv(1, 3, padding=1)),
    data.noisy_digits,
    local_correlation_or_zero,
    adam(0.003, eps=1e-8),
    32,
    r_squared_in_windows,
)


def _enhancer() -> nn.Sequential:
    return network((1, 128), conv(16, 9, bias=False), relu, conv(16, 9, bias=False), relu, conv(1, 9, bias=False))


sounds = Setting(_enhancer, data.speech, intelligibility(False), adam(eps=1e-8), 32, r_squared_up_to_scale)

THREADS = (
    Thread("GH-focal-loss-keras-17", frauds, repaired(frauds, loss=focal_with_epsilon), UNDEFINED, steps=400),
    Thread("GH-DeepReg-454", registered, repaired(registered, loss=local_correlation), UNDEFINED, steps=150),
    Thread("GH-pytorch-stoi-14", sounds, repaired(sounds, loss=intelligibility(True)), UNDEFINED, steps=200),
)
