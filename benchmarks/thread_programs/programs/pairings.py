"""Answered with: the loss applies that function already, or not over that axis, or not after a rectifier."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import truncated_normal
from benchmarks.faulty_programs.network import conv, dense, dropout, flatten, max_pool, network, relu, softmax, softmax_over
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_logits
from benchmarks.thread_programs import data
from benchmarks.thread_programs.judges import accuracy_along
from benchmarks.thread_programs.losses import pixelwise_cross_entropy
from benchmarks.thread_programs.modules import Recommender, Unet, module, torch_conv, torch_dense
from benchmarks.thread_programs.thread import Thread, repaired
from torch import nn


def federated(*last):
    return lambda: network((784,), torch_dense(64), dropout(0.5), relu, torch_dense(10), *last)


client = Setting(federated(softmax), data.digits(flat=True), losses.logits_cross_entropy, sgd(0.01, 0.5), 10)


def cifar(*last):
    block = (conv(16, 3), relu, max_pool)
    return lambda: network((3, 32, 32), *block, *block, conv(32, 3), relu, max_pool, flatten, dense(64), relu, dense(10), *last)


pictures = Setting(cifar(softmax), data.coloured, losses.logits_cross_entropy, adam(), 64)

recommender = Setting(lambda: Recommender(nn.Sigmoid()), data.ratings, losses.logits_binary_cross_entropy, adam(0.01, eps=1e-8), 128, accuracy_of_logits)

masks = Setting(lambda: Unet(1, nn.Sigmoid()), data.blots(2), losses.logits_binary_cross_entropy, adam(eps=1e-8), 16, accuracy_of_logits)


def lenet(*last):
    first = (torch_conv(10, 5), max_pool, relu)
    second = (torch_conv(20, 5), module("drop", nn.Dropout2d), max_pool, relu)
    return lambda: network((1, 28, 28), *first, *second, flatten, torch_dense(50), relu, dropout(0.5), torch_dense(10), *last)


rectified = Setting(lenet(relu), data.digits(), losses.logits_cross_entropy, sgd(0.01, 0.5), 64)


def summit(*last):
    init = truncated_normal(0.1)
    block = (conv(16, 5, init), relu, max_pool)
    return lambda: network((1, 28, 28), *block, conv(32, 5, init), relu, max_pool, flatten, dense(256, init), relu, dense(10, init), *last)


summit_net = Setting(summit(relu), data.digits(), losses.logits_cross_entropy, adam(1e-4), 100)


def example(dim: int):
    return lambda: network((1, 28, 28), torch_conv(10, 5), relu, max_pool, flatten, torch_dense(50), relu, torch_dense(10), softmax_over(dim))


over_batch = Setting(example(0), data.digits(), losses.cross_entropy_as_given, adam(eps=1e-8), 64)

channels_first = Setting(lambda: Unet(3, nn.Softmax(-1)), data.blots(3), pixelwise_cross_entropy, adam(), 16, accuracy_along)

THREADS = (
    Thread("GH-federated-learning-9", client, repaired(client, network=federated()), (Cause("loss_pairing", ("act2", "loss")),), steps=400),
    Thread("GH-tensorflow-cifar-10-7", pictures, repaired(pictures, network=cifar()), (Cause("loss_pairing", ("act5", "loss")),), steps=200),
    Thread("GH-daisyrec-15", recommender, repaired(recommender, network=lambda: Recommender(nn.Identity())), (Cause("loss_pairing", ("head", "loss")),), steps=300),
    Thread("GH-unet3plus-23", masks, repaired(masks, network=lambda: Unet(1, nn.Identity())), (Cause("loss_pairing", ("head", "loss")),), steps=60),
    Thread(
        "GH-pytorch-examples-117", rectified, repaired(rectified, network=lenet()),
        (Cause("dead_units", ("act4",)), Cause("output_range", ("act4",)), Cause("loss_pairing", ("act4", "loss"))), steps=300,
    ),
    Thread(
        "GH-tf-dev-summit-3", summit_net, repaired(summit_net, network=summit()),
        (Cause("dead_units", ("act4",)), Cause("output_range", ("act4",)), Cause("loss_pairing", ("act4", "loss"))), steps=150,
    ),
    Thread("GH-euclidesdb-2", over_batch, repaired(over_batch, network=example(1)), (Cause("loss_pairing", ("act3", "loss")),), steps=200),
    Thread("GH-3DUnetCNN-94", channels_first, repaired(channels_first, network=lambda: Unet(3, nn.Softmax(1))), (Cause("loss_pairing", ("head", "loss")),), steps=60),
)  # fmt: skip
