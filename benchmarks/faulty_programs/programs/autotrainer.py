"""Twenty programs of AutoTrainer's demo, motivation and model set (Keras)."""

from dataclasses import replace

import torch
from benchmarks.faulty_programs import data, losses, program
from benchmarks.faulty_programs.initializers import (
    Initializer,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    normal,
    truncated_normal,
    uniform,
)
from benchmarks.faulty_programs.network import (
    Layer,
    conv,
    dense,
    exponential,
    flatten,
    leaky_relu,
    max_pool,
    network,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Program, Setting
from torch import Tensor

BLOBS = Setting(lambda: network((2,)), data.blobs, losses.cross_entropy_of_probabilities, adam(), batch=256)
CIRCLES = Setting(
    lambda: network((2,)),
    data.circles,
    losses.binary_cross_entropy_of_probabilities,
    adam(),
    batch=128,
    judge=program.accuracy_of_probabilities,
)
# The records hold no optimizer for these two sets: Adam at 0.001, as the model set's other families use, is assumed.
MNIST = Setting(lambda: network((1, 28, 28)), data.mnist_like, losses.cross_entropy_of_probabilities, adam(l2=2e-4), batch=256)
CIFAR = replace(MNIST, data=lambda seed: standardized(seed), optimizer=adam(l2=2e-2), batch=128)

CHANNEL_MEAN, CHANNEL_STD = (torch.tensor(values).view(3, 1, 1) for values in ((125.3, 122.95, 113.9), (63.0, 62.1, 66.7)))


def standardized(seed: int, divisor: float = 1.0) -> data.Dataset:
    """Pictures standardized per channel; the model set's own code divides them by 100 first."""

    def scale(pictures: Tensor) -> Tensor:
        return (pictures / divisor - CHANNEL_MEAN) / CHANNEL_STD

    return data.cifar_like(seed).changed(inputs=scale)


def narrow(setting: Setting, depth: int, act: Layer, head: Layer, init: Initializer = he_uniform) -> Setting:
    """`depth` linear layers, all but the last five units wide and followed by `act`; the last is He-uniform."""
    classes = 3 if setting is BLOBS else 1
    return replace(
        setting,
        network=lambda: network((2,), *(dense(5, init), act) * (depth - 1), dense(classes, he_uniform), head),
    )


def lenet(act: Layer, extra: int, channels: tuple[int, int] = (6, 16), last: Initializer = he_normal) -> list[Layer]:
    """LeNet-5, He-normal, with `extra` more layers of 84 units."""
    first, second = channels
    convolutions = [conv(first, 5, he_normal, same=False), act, max_pool]
    convolutions += [conv(second, 5, he_normal, same=False), act, max_pool, flatten]
    units = [dense(120, he_normal), act] + [dense(84, he_normal), act] * (1 + extra)
    return [*convolutions, *units, dense(10, last), softmax]


def mnist(act: Layer, extra: int, last: Initializer = he_normal) -> Setting:
    return replace(MNIST, network=lambda: network((1, 28, 28), *lenet(act, extra, last=last)))


def cifar(act: Layer, extra: int, last: Initializer = he_normal) -> Setting:
    return replace(CIFAR, network=lambda: network((3, 32, 32), *lenet(act, extra, (32, 64), last)))


def exploding(name: str, faulty: Setting, counterpart: Setting, *more: Cause, steps: int = 600) -> Program:
    first, carriers = ("conv1", ("act*", "fc*", "conv*")) if "CIFAR" in name else ("fc1", ("act*", "fc*"))
    return Program(
        name,
        faulty,
        counterpart,
        (Cause("exploding_activation", ("act1", first), carriers), *more),
        steps=steps,
    )


# Three classes out of three sigmoids: the three-way cross-entropy divides by their sum.
sigmoids_for_classes = Cause("loss_pairing", ("loss",), ("act*",))


def starved(name: str, depth: int) -> Program:
    """ReLU layers five wide and ±0.05 small: next to nothing reaches the head."""
    faulty = narrow(BLOBS, depth, relu, sigmoid, uniform(0.05))
    fixed = narrow(BLOBS, depth, leaky_relu, softmax)
    causes = (
        Cause("init_scale", ("fc1", "act1"), ("fc*", "act*")),
        Cause("dead_units", ("act1", "fc1"), ("act*", "fc*")),
        sigmoids_for_classes,
    )
    return Program(name, faulty, fixed, causes, steps=600)


def vanishing(name: str, extra: int) -> Program:
    causes = (Cause("saturating_activation", ("act1", "conv1"), ("act*", "fc*", "conv*")),)
    return Program(name, mnist(sigmoid, extra), mnist(relu, extra), causes, steps=100)


def deep_relu(init: Initializer) -> Setting:
    return Setting(
        lambda: network((784,), *(dense(128, init), relu) * 34, dense(10), softmax),
        lambda seed: data.mnist_like(seed).changed(inputs=lambda x: x.flatten(1)),
        losses.cross_entropy_of_probabilities,
        adam(),
        batch=32,
    )


OSCILLATING = Setting(
    lambda: network((2,), dense(50, he_uniform), relu, dense(3), softmax),
    data.blobs,
    losses.cross_entropy_of_probabilities,
    sgd(0.01, momentum=0.9),
    batch=1,
)

PROGRAMS = (
    Program(
        "AT-demo-oscillate",
        OSCILLATING,
        replace(OSCILLATING, optimizer=sgd(0.001, momentum=0.9)),
        (Cause("lr_high", ("optimizer",)), Cause("optimizer", ("optimizer",))),
        steps=3000,
    ),
    Program(
        "AT-motiv-dyingrelu",
        deep_relu(glorot_uniform),
        deep_relu(he_uniform),
        (
            Cause("init_scale", ("fc1", "act1"), ("fc*", "act*")),
            Cause("dead_units", ("act1", "fc1"), ("act*", "fc*")),
        ),
        steps=300,
    ),
    exploding(
        "AT-Blob-model_0b6f114d",
        narrow(BLOBS, 10, exponential, sigmoid),
        narrow(BLOBS, 10, tanh, softmax),
        sigmoids_for_classes,
    ),
    exploding(
        "AT-Blob-model_0448d813",
        narrow(BLOBS, 9, exponential, sigmoid),
        narrow(BLOBS, 9, tanh, softmax),
        sigmoids_for_classes,
    ),
    starved("AT-Blob-model_384108d9", 9),
    starved("AT-Blob-model_f7e7b91b", 10),
    Program(
        "AT-Blob-model_al_19",
        replace(
            BLOBS,
            network=lambda: network(
                (2,),
                *(dense(5, he_uniform), tanh) * 14,
                *(tanh, dense(5, he_uniform)) * 3,
                *(tanh, dense(3, he_uniform), sigmoid),
            ),
        ),
        steps=600,
    ),
    exploding("AT-Circle-model_9e7361d4", narrow(CIRCLES, 10, exponential, sigmoid), narrow(CIRCLES, 10, tanh, sigmoid)),
    exploding("AT-Circle-model_205c07d5", narrow(CIRCLES, 9, exponential, sigmoid), narrow(CIRCLES, 9, tanh, sigmoid)),
    Program("AT-Circle-simplednn", narrow(CIRCLES, 6, tanh, sigmoid), steps=600),
    Program("AT-Circle-model_ma_7", narrow(CIRCLES, 6, tanh, sigmoid), steps=600),
    Program(
        "AT-Circle-model_mi_al_10",
        replace(
            CIRCLES,
            network=lambda: network((2,), *(dense(5, he_uniform), tanh) * 8, dense(1, lecun_normal), sigmoid),
        ),
        steps=600,
    ),
    vanishing("AT-MNIST-model_2af630c4", 7),
    vanishing("AT-MNIST-model_97f07775", 6),
    Program("AT-MNIST-model_al_22", mnist(relu, 12), steps=100),
    Program("AT-MNIST-model_mi_10", mnist(relu, 0, last=normal(0.05)), steps=100),
    exploding(
        "AT-CIFAR_10-model_f0250c41",
        replace(cifar(exponential, 3), data=lambda seed: standardized(seed, divisor=100)),
        cifar(relu, 3),
        Cause("input_scale", ("inputs", "conv1")),
        steps=100,
    ),
    Program(
        "AT-CIFAR_10-model_al_13",
        replace(
            CIFAR,
            network=lambda: network(
                (3, 32, 32),
                *(conv(32, 5, he_normal, same=False), relu, max_pool),
                *(conv(64, 5, he_normal, same=False), relu, max_pool, flatten),
                *(dense(120, he_normal), relu) * 4,
                *(dense(84, he_normal), relu),
                *(dense(10, he_normal), softmax),
            ),
        ),
        steps=100,
    ),
    Program("AT-CIFAR_10-model_mi_al_22", cifar(relu, 12, last=truncated_normal(0.05)), steps=100),
    Program("AT-CIFAR_10-lenet5", cifar(relu, 0), steps=100),
)
