"""Answered with: that loss is for other outputs, or other targets."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.network import conv, dense, dropout, flatten, max_pool, network, relu, sigmoid, softmax
from benchmarks.faulty_programs.optimizers import adam, rmsprop
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_probabilities, accuracy_of_scores, r_squared
from benchmarks.thread_programs.data import digits
from benchmarks.thread_programs.judges import accuracy_of_one_number
from benchmarks.thread_programs.modules import Unet, torch_conv, torch_dense
from benchmarks.thread_programs.thread import repaired
from benchmarks.thread_programs_three import data
from benchmarks.thread_programs_three.thread import Thread
from torch import nn


def _prices(*last):
    return lambda: network((10,), dense(32), relu, dense(32), relu, dense(1), *last)


prices = Setting(_prices(sigmoid), data.offers(False), losses.binary_cross_entropy_of_probabilities, adam(), 32, r_squared)


def _kinds(width: int, last):
    block = (conv(16, 3, same=False), relu, max_pool)
    return lambda: network((3, 32, 32), *block, *block, conv(32, 3, same=False), relu, max_pool, flatten, dense(64), relu, dropout(0.5), dense(width), last)


column = Setting(_kinds(1, sigmoid), data.three_kinds(True), losses.binary_cross_entropy_of_probabilities, rmsprop(), 16, accuracy_of_one_number)
kinds = Setting(_kinds(3, softmax), data.three_kinds(False), losses.cross_entropy_of_probabilities, rmsprop(), 16, accuracy_of_scores)


def _digits(*last):
    block = (torch_conv(16, 3), relu, max_pool)
    return lambda: network((1, 28, 28), *block, *block, flatten, torch_dense(64), relu, torch_dense(10), *last)


twice = Setting(_digits(softmax), digits(), losses.logits_cross_entropy, adam(eps=1e-8), 64)

cut_out = Setting(lambda: Unet(1, nn.Sigmoid()), data.masks(255), losses.binary_cross_entropy_of_probabilities, adam(eps=1e-8), 16, accuracy_of_probabilities)

THREADS = (
    Thread(
        "WEB-negative-price", prices, repaired(prices, network=_prices(), data=data.offers(True), loss=losses.mean_squared_error),
        (
            Cause("wrong_loss", ("loss",)), Cause("loss_pairing", ("loss", "act3")), Cause("output_range", ("act3", "targets")),
            Cause("labels", ("targets",)), Cause("target_scale", ("targets",)),
        ), steps=400,
    ),
    Thread(
        "SO-cnn-three-classes", column, kinds,
        (
            Cause("loss_pairing", ("act5", "loss")), Cause("labels", ("targets",)), Cause("output_range", ("act5", "targets")),
            Cause("wrong_loss", ("loss",)), Cause("architecture", ("fc2",)),
        ), steps=200,
    ),
    Thread("PT-43814", twice, repaired(twice, network=_digits()), (Cause("loss_pairing", ("act4", "loss")),), steps=100),
    Thread(
        "GH-Pytorch-UNet-78", cut_out, repaired(cut_out, data=data.masks(1)),
        (Cause("labels", ("targets",)), Cause("target_scale", ("targets",)), Cause("output_range", ("head", "targets"))), steps=60,
    ),
)  # fmt: skip
