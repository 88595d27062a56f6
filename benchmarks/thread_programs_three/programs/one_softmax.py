"""Answered with: a softmax over one unit is always one."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.network import dense, network, relu, sigmoid, softmax
from benchmarks.faulty_programs.optimizers import adam, rmsprop
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities, accuracy_of_scores
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_three import data
from benchmarks.thread_programs_three.losses import categorical_cross_entropy
from benchmarks.thread_programs_three.modules import Last
from benchmarks.thread_programs_three.thread import Thread
from torch import nn


def _votes(last):
    return lambda: network((3,), dense(10), relu, dense(1), last)


votes = Setting(_votes(softmax), data.two_of_three, losses.binary_cross_entropy_of_probabilities, rmsprop(), 19, accuracy_of_probabilities)


def _bits(last: nn.Module):
    return lambda: Last(1, 32, nn.Linear(32, 1), last)


bits = Setting(_bits(nn.Softmax(1)), data.counted_bits(-1.0), losses.binary_cross_entropy_of_probabilities, adam(0.003), 64, accuracy_of_probabilities)


def _sides(width: int):
    return lambda: network((10,), dense(32), relu, dense(width), softmax)


sides = Setting(_sides(1), data.two_sides, categorical_cross_entropy, adam(), 32, accuracy_of_probabilities)
classes = Setting(_sides(2), data.two_classes, losses.cross_entropy_of_probabilities, adam(), 32, accuracy_of_scores)

THREADS = (
    Thread("CV-two-of-three", votes, repaired(votes, network=_votes(sigmoid)), (Cause("output_constant", ("act2",)),), steps=1500),
    Thread(
        "SO-47241622", bits, repaired(bits, network=_bits(nn.Sigmoid()), data=data.counted_bits(0.0)),
        (Cause("output_constant", ("act",)), Cause("labels", ("targets",))), steps=400,
    ),
    Thread(
        "SO-one-softmax", sides, classes,
        (Cause("output_constant", ("act2",)), Cause("loss_pairing", ("act2", "loss")), Cause("wrong_loss", ("loss",))), steps=300,
    ),
)  # fmt: skip
