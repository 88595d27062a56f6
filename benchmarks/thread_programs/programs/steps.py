"""Answered with: look at your learning rate, and at what the optimizer was given."""

import torch
from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import lecun_normal, normal
from benchmarks.faulty_programs.network import Layer, conv, dense, flatten, max_pool, network, relu
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, r_squared
from benchmarks.thread_programs import data
from benchmarks.thread_programs.judges import accuracy_along
from benchmarks.thread_programs.losses import quadratic_cost
from benchmarks.thread_programs.modules import LanguageModel, Steps, Tagger
from benchmarks.thread_programs.thread import Thread, repaired
from torch import nn

FAST = Cause("lr_high", ("optimizer",))

double = Setting(lambda: network((1,), dense(1)), data.line, losses.mean_squared_error, sgd(0.001), 1, r_squared)

language = Setting(LanguageModel, data.markov_text, losses.logits_cross_entropy, adam(1.0, eps=1e-8), 32, accuracy_along)


def noisy(width: int, factor: float) -> Layer:
    """Nielsen's layer: weights and biases N(0, 1), times a factor."""

    def make(shape):
        kind, layer = dense(width, normal(factor))(shape)
        nn.init.normal_(layer.bias, 0.0, factor)
        return kind, layer

    return make


def _nielsen(factor: float):
    return lambda: network((784,), noisy(30, factor), relu, noisy(10, factor), relu)


book = Setting(
    _nielsen(1.0), data.digits(flat=True, one_hot=True), quadratic_cost, sgd(3.0), 10,
)  # fmt: skip


def _keypoint_net():
    block = (conv(16, 5, lecun_normal), relu, max_pool)
    return network((1, 48, 48), *block, *block, flatten, dense(64, lecun_normal), relu, dense(30, lecun_normal))


joints = Setting(_keypoint_net, data.keypoints, losses.mean_squared_error, sgd(0.01, 0.9, l2=0.5), 32, r_squared)


def _without_head(model: nn.Module) -> torch.optim.Optimizer:
    body = [p for name, p in model.named_parameters() if not name.startswith("fc.")]
    return torch.optim.Adam(body, lr=1e-3)


tagger = Setting(Tagger, data.tagged_text, losses.logits_cross_entropy, _without_head, 32, accuracy_along)

learned_steps = Setting(lambda: Steps(False), data.gradients_of_bowls, losses.mean_squared_error, adam(eps=1e-8), 32, r_squared)

THREADS = (
    Thread("GH-keras-3040", double, repaired(double, optimizer=sgd(1e-5)), (FAST, Cause("input_scale", ("inputs",))), steps=400),
    Thread("GH-opennmt-805", language, repaired(language, optimizer=adam(0.001, eps=1e-8)), (FAST,), steps=200),
    Thread(
        "GH-deeplearningpython-13", book, repaired(book, network=_nielsen(0.1), optimizer=sgd(0.01)),
        (FAST, Cause("init_scale", ("fc1",), ("fc*",)), Cause("dead_units", ("act1", "act2"))), steps=600,
    ),
    Thread("GH-caffe-1396", joints, repaired(joints, optimizer=sgd(0.01, 0.9, l2=5e-4)), (Cause("optimizer", ("optimizer",)),), steps=250),
    Thread("GH-hvpnet-5", tagger, repaired(tagger, optimizer=adam(eps=1e-8)), (Cause("optimizer", ("fc", "optimizer")), Cause("frozen", ("fc", "optimizer"))), steps=150),
    Thread(
        "GH-meta-optimizer-11", learned_steps, repaired(learned_steps, network=lambda: Steps(True)),
        (Cause("optimizer", ("", "cells", "optimizer")), Cause("frozen", ("", "cells"))), steps=600,
    ),
)  # fmt: skip
