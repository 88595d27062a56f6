"""Networks spelled as a list of layers, with Keras' defaults and readable module paths.

    network((2,), dense(50, he_uniform), relu, dense(3), softmax)     # paths fc1, act1, fc2, act2

A layer is a function from the shape of one sample to (kind, module); the kind and a counter make the path.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable

import torch
from benchmarks.faulty_programs.initializers import Initializer, glorot_uniform
from torch import Tensor, nn

Shape = tuple[int, ...]
Layer = Callable[[Shape], tuple[str, nn.Module]]


class Exp(nn.Module):
    """exp(x): Keras' "exponential" activation, which no torch module offers."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(x)


def network(shape: Shape, *layers: Layer) -> nn.Sequential:
    """The layers one after the other for samples of `shape`; paths are `fc1`, `act1`, `conv1`, `bn1` …"""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    counter: Counter[str] = Counter()
    for layer in layers:
        kind, module = layer(shape)
        counter[kind] += 1
        modules[f"{kind}{counter[kind]}"] = module
        with torch.no_grad():
            shape = tuple(module.eval()(torch.zeros(1, *shape)).shape[1:])
    return nn.Sequential(modules).train()


def dense(width: int, init: Initializer = glorot_uniform) -> Layer:
    """A linear layer with a zero bias."""

    def make(shape: Shape) -> tuple[str, nn.Module]:
        layer = nn.Linear(shape[0], width)
        init(layer.weight, shape[0], width)
        nn.init.zeros_(layer.bias)
        return "fc", layer

    return make


def conv(channels: int, kernel: int, init: Initializer = glorot_uniform, same: bool = True, bias: bool = True) -> Layer:
    """A 1-d or 2-d convolution by the sample's shape; `same` pads as Keras does, else not at all."""

    def make(shape: Shape) -> tuple[str, nn.Module]:
        kind = {2: nn.Conv1d, 3: nn.Conv2d}[len(shape)]
        layer = kind(shape[0], channels, kernel, padding="same" if same else 0, bias=bias)
        taps = layer.weight[0, 0].numel()
        init(layer.weight, shape[0] * taps, channels * taps)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        return "conv", layer

    return make


def batch_norm(momentum: float = 0.01) -> Layer:
    """Batch normalization with Keras' eps of 0.001 and decay of 0.99, which torch calls momentum 0.01."""

    def make(shape: Shape) -> tuple[str, nn.Module]:
        kind = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d}[len(shape)]
        return "bn", kind(shape[0], eps=1e-3, momentum=momentum)

    return make


def zero_pad(before: int, after: int) -> Layer:
    """Zeros at the ends of a sequence: what Keras' "same" adds for an even kernel."""
    return lambda shape: ("pad", nn.ZeroPad1d((before, after)))


def dropout(p: float) -> Layer:
    return lambda shape: ("drop", nn.Dropout(p))


def softmax_over(dim: int) -> Layer:
    return lambda shape: ("act", nn.Softmax(dim=dim))


def _plain(kind: str, module: Callable[[], nn.Module]) -> Layer:
    return lambda shape: (kind, module())


relu = _plain("act", nn.ReLU)
tanh = _plain("act", nn.Tanh)
sigmoid = _plain("act", nn.Sigmoid)
leaky_relu = _plain("act", lambda: nn.LeakyReLU(0.3))  # Keras' default slope
selu = _plain("act", nn.SELU)
exponential = _plain("act", Exp)
softmax = softmax_over(-1)
max_pool = _plain("pool", lambda: nn.MaxPool2d(2))
flatten = _plain("flatten", nn.Flatten)
