"""Answered with: look at your initial weights."""

from benchmarks.faulty_programs import losses
from benchmarks.faulty_programs.initializers import he_normal, truncated_normal
from benchmarks.faulty_programs.network import conv, dense, flatten, max_pool, network, relu, sigmoid, softmax
from benchmarks.faulty_programs.optimizers import adam, sgd
from benchmarks.faulty_programs.program import Cause, Setting, accuracy_of_logits
from benchmarks.thread_programs import data
from benchmarks.thread_programs.modules import Gate, torch_conv, torch_dense
from benchmarks.thread_programs.thread import Thread, repaired
from torch import Tensor, nn


def zeros(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    return nn.init.zeros_(weight)


blank = Setting(
    lambda: network((784,), dense(10, zeros), softmax, dense(10, zeros), softmax), data.digits(flat=True), losses.cross_entropy_of_probabilities, sgd(0.5), 100
)
drawn = repaired(blank, network=lambda: network((784,), dense(10, truncated_normal(0.1)), sigmoid, dense(10, truncated_normal(0.1)), softmax))


def _mnist(std: float):
    init = truncated_normal(std)
    return lambda: network(
        (1, 28, 28), conv(16, 5, init), relu, max_pool, conv(32, 5, init), relu, max_pool, flatten, dense(128, init), relu, dense(10, init), softmax
    )


wide = Setting(_mnist(1.0), data.digits(), losses.cross_entropy_of_probabilities, adam(1e-4), 50)

VGG = (16, 16, "M", 32, 32, "M", 64, 64, 64, "M", 128, 128, 128, "M", 128, 128, 128, "M")


def _vgg(careful: bool):
    layers = []
    for width in VGG:
        if width == "M":
            layers.append(max_pool)
        else:
            layers += [conv(width, 3, he_normal) if careful else torch_conv(width, 3, padding=1), relu]
    return lambda: network((3, 32, 32), *layers, flatten, torch_dense(10))


def _standard(seed: int) -> data.Dataset:
    return data.coloured(seed).changed(lambda x: (x - 0.45) / 0.22)


vgg = Setting(_vgg(False), _standard, losses.logits_cross_entropy, sgd(0.01, 0.9, l2=5e-4), 64)

gate = Setting(lambda: Gate(nn.ReLU()), data.domains, losses.logits_binary_cross_entropy, adam(0.01, eps=1e-8), 128, accuracy_of_logits)

THREADS = (
    Thread(
        "SO-hidden-softmax-of-zeros", blank, drawn,
        (Cause("symmetry", ("fc1", "fc2"), ("fc*",)), Cause("saturating_activation", ("act1",)), Cause("init_scale", ("fc1", "fc2"))), steps=400,
    ),
    Thread("WEB-truncated-normal", wide, repaired(wide, network=_mnist(0.1)), (Cause("init_scale", ("conv1",), ("conv*", "fc*")),), steps=150),
    Thread(
        "GH-pytorch-cifar-28", vgg, repaired(vgg, network=_vgg(True)),
        (Cause("init_scale", ("conv1", "conv2"), ("conv*",)), Cause("normalization", ("conv1",), ("conv*",))), steps=250,
    ),
    Thread(
        "GH-hinet-1", gate, repaired(gate, network=lambda: Gate(nn.Identity())),
        (Cause("dead_units", ("act", "gate")), Cause("symmetry", ("domain", "gate")), Cause("frozen", ("domain", "gate"))), steps=300,
    ),
)  # fmt: skip
