"""Eight programs that DeepLocalize collected from questions and repositories (Keras)."""

from dataclasses import replace

import torch
from benchmarks.faulty_programs import data, losses, program
from benchmarks.faulty_programs.initializers import normal, uniform
from benchmarks.faulty_programs.network import (
    batch_norm,
    conv,
    dense,
    dropout,
    flatten,
    max_pool,
    network,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Program, Setting

small_uniform, small_normal = uniform(0.05), normal(0.05)

ELECTION = Setting(
    lambda: network(
        (16,),
        *(dense(64, small_uniform), tanh, dropout(0.5)),
        *(dense(64, small_uniform), tanh, dropout(0.5)),
        *(dense(2, small_uniform), softmax),
    ),
    data.county_census,
    losses.one_hot_squared_error,
    sgd(0.1, momentum=0.9, nesterov=True),
    batch=16,
)
ELECTION_FIXED = replace(
    ELECTION,
    network=lambda: network(
        (16,),
        batch_norm(),
        *(dense(64, small_uniform), batch_norm(), tanh, dropout(0.5)),
        *(dense(64, small_uniform), batch_norm(), tanh, dropout(0.5)),
        *(dense(1, small_uniform), sigmoid),
    ),
    data=lambda seed: data.county_census(seed).changed(targets=lambda y: y.unsqueeze(1).float()),
    loss=losses.binary_cross_entropy_of_probabilities,
    judge=lambda outputs, truth: program.accuracy_of_probabilities(outputs.squeeze(1), truth),
)

BYTES = Setting(
    lambda: network((8,), *(dense(8, small_normal), sigmoid) * 3),
    data.all_bytes,
    losses.mean_squared_error,
    sgd(0.01),
    batch=50,
    judge=program.accuracy_of_probabilities,
)

PARABOLA = Setting(
    lambda: network((1,), dense(5), sigmoid, dense(1), sigmoid),
    data.parabola,
    losses.mean_squared_error,
    sgd(0.01),
    batch=150,
    judge=program.r_squared,
)

CLUSTERS = Setting(
    lambda: network((2,), dense(2), sigmoid, dense(2), softmax),
    data.two_clusters,
    losses.cross_entropy_of_probabilities,
    adam(),
    batch=32,
)

DIGITS = Setting(
    lambda: network((1, 28, 28), conv(64, 3), max_pool, conv(32, 3), max_pool, flatten, dense(128), relu, dense(10), softmax),
    # Integer class labels that went through /255 are truncated to zero again where the loss indexes with them.
    lambda seed: data.mnist_like(seed).changed(targets=lambda y: (y / 255).long()),
    losses.cross_entropy_of_probabilities,
    adam(),
    batch=32,
)

SINE = Setting(
    lambda: network((2,), *(dense(2, small_uniform), relu) * 2, dense(1, small_uniform), sigmoid),
    data.sine,
    losses.binary_cross_entropy_of_probabilities,
    adam(),
    batch=2,
    judge=program.accuracy_of_probabilities,
)

FACES = Setting(
    lambda: network((9216,), dense(50), dense(100), dense(30)),
    data.faces,
    losses.mean_squared_error,
    adam(0.1),
    batch=32,
    judge=program.r_squared,
)


def life(filters: int = 16) -> torch.nn.Sequential:
    return network((1, 16, 16), conv(filters, 3), relu, conv(filters, 3), relu, conv(1, 3), sigmoid)


LIFE = Setting(
    life,
    data.life_boards,
    losses.binary_cross_entropy_of_probabilities,
    adam(),
    batch=64,
    judge=program.accuracy_of_probabilities,
)

PROGRAMS = (
    Program(
        "DL-SO-34673164",
        ELECTION,
        ELECTION_FIXED,
        (
            Cause("input_scale", ("inputs", "fc1", "act1")),
            Cause("saturating_activation", ("act1", "fc1")),
            Cause("wrong_loss", ("loss", "act3")),
            Cause("lr_high", ("optimizer",)),
        ),
        steps=600,
    ),
    Program(
        "DL-SO-39217567",
        BYTES,
        # The recorded repair alone (ReLU) learns nothing in 5,000 steps; with Glorot weights and a larger step it does.
        replace(BYTES, network=lambda: network((8,), *(dense(8), relu) * 2, dense(8), sigmoid), optimizer=adam(0.01)),
        (
            Cause("saturating_activation", ("act1", "fc1"), ("act*",)),
            Cause("init_scale", ("fc1", "act1"), ("fc*",)),
            Cause("lr_low", ("optimizer",)),  # not in the record: a larger step alone was measured to cure it
        ),
        steps=4000,
    ),
    Program(
        "DL-SO-48221692",
        PARABOLA,
        replace(PARABOLA, network=lambda: network((1,), dense(5), sigmoid, dense(1))),
        (Cause("output_range", ("act2", "fc2", "loss")), Cause("saturating_activation", ("act2", "fc2"))),
        steps=1000,
    ),
    Program(
        "DL-SO-50306988",
        CLUSTERS,
        replace(CLUSTERS, optimizer=adam(0.01)),
        (Cause("lr_low", ("optimizer",)),),
        steps=200,
    ),
    Program(
        "DL-SO-59325381",
        DIGITS,
        replace(DIGITS, data=data.mnist_like),
        (
            Cause("labels", ("targets", "loss")),
            Cause("missing_nonlinearity", ("conv1", "conv2")),
        ),
        steps=40,
    ),
    Program("DL-SO-41372874", SINE, steps=10_000),
    Program(
        "DL-GH-FacialKeypointsDetection",
        FACES,
        replace(
            FACES,
            network=lambda: network((9216,), dense(50), relu, dense(100), relu, dense(30)),
            optimizer=sgd(0.01, momentum=0.9, nesterov=True),
        ),
        (Cause("lr_high", ("optimizer",)), Cause("missing_nonlinearity", ("fc1", "fc2"), ("fc*",))),
        steps=300,
    ),
    Program(
        "DL-GH-gol_nn",
        LIFE,
        replace(LIFE, loss=losses.mean_squared_error, optimizer=adam(0.01)),
        (Cause("lr_low", ("optimizer",)), Cause("wrong_loss", ("loss",))),
        steps=100,
    ),
)
