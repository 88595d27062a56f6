"""Initial weights that are wrong: their scale, their sameness, their sign."""

from collections.abc import Callable

import torch
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.operator import operator
from benchmarks.injected_faults.surgery import affine, generator, matrices
from torch import Tensor, nn

Made = tuple[Setting, tuple[Cause, ...]]


def _everywhere(base: Base, fill: Callable[[Tensor], object], family: str = "init_scale", *others: str) -> Made:
    """Every weight matrix goes through `fill`; the fault starts at the first and is carried by all."""

    def surgery(model: nn.Module) -> None:
        for _, weight in matrices(model):
            fill(weight)

    paths = [path for path, _ in matrices(base.setting.network())]
    starts = tuple(dict.fromkeys(paths))
    return base.network(surgery), tuple(Cause(f, starts[:1], starts) for f in (family, *others))


@operator
def weights_times_eight(base: Base) -> Made:
    """Every weight is eight times too large."""
    return _everywhere(base, lambda w: w.mul_(8.0))


@operator
def weights_by_thirty(base: Base) -> Made:
    """Every weight is thirty times too small."""
    return _everywhere(base, lambda w: w.div_(30.0))


@operator
def standard_normal_weights(base: Base) -> Made:
    """Weights are drawn from N(0, 1), whatever the fan-in."""
    return _everywhere(base, lambda w: w.normal_(generator=generator(1)))


@operator
def weights_of_one_hundredth(base: Base) -> Made:
    """Weights are drawn from N(0, 0.01²), whatever the fan-in."""
    return _everywhere(base, lambda w: w.normal_(std=0.01, generator=generator(1)))


@operator
def positive_weights(base: Base) -> Made:
    """Weights are drawn from U(0, 1): none is negative."""
    return _everywhere(base, lambda w: w.uniform_(generator=generator(1)))


@operator
def constant_weights(base: Base) -> Made:
    """Every weight is 0.1: all units of a layer are the same."""
    return _everywhere(base, lambda w: w.fill_(0.1), "symmetry")


@operator
def zero_weights(base: Base) -> Made:
    """Every weight is zero."""
    return _everywhere(base, lambda w: w.zero_(), "symmetry", "init_scale")


def _one(base: Base, which: int, change: Callable[[nn.Module], object], family: str) -> Made | None:
    layers = affine(base.setting.network())
    if len(layers) < 3:
        return None
    path = layers[which if which >= 0 else len(layers) + which][0]

    def surgery(model: nn.Module) -> None:
        change(model.get_submodule(path))

    return base.network(surgery), (Cause(family, (path,)),)


@operator
def one_layer_times_hundred(base: Base) -> Made | None:
    """The weights of the second layer are a hundred times too large."""
    return _one(base, 1, lambda layer: layer.weight.mul_(100.0), "init_scale")


@operator
def one_layer_by_ten_thousand(base: Base) -> Made | None:
    """The weights of the second layer are ten thousand times too small."""
    return _one(base, 1, lambda layer: layer.weight.div_(1e4), "init_scale")


@operator
def equal_rows(base: Base) -> Made | None:
    """All units of the second layer have the same weights."""
    return _one(base, 1, lambda layer: layer.weight.copy_(layer.weight[:1].expand_as(layer.weight).clone()), "symmetry")


@operator
def head_times_hundred(base: Base) -> Made | None:
    """The last layer's weights are a hundred times too large: the first outputs are enormous and sure of themselves."""
    return _one(base, -1, lambda layer: layer.weight.mul_(100.0), "init_scale")


@operator
def bias_kills_units(base: Base) -> Made | None:
    """Biases of −30 before a ReLU: no unit of the second layer is ever on."""
    model = base.setting.network()
    found = [(path, module) for path, module in model.named_modules() if isinstance(module, (*_KINDS, nn.ReLU))]
    pairs = [(a[0], b[0]) for a, b in zip(found, found[1:], strict=False) if isinstance(a[1], _KINDS) and isinstance(b[1], nn.ReLU)]
    if len(pairs) < 2:
        return None
    layer, relu = pairs[1]

    def surgery(model: nn.Module) -> None:
        target = model.get_submodule(layer)
        if target.bias is None:
            target.bias = nn.Parameter(torch.zeros(len(target.weight)))
        target.bias.fill_(-30.0)

    return base.network(surgery), (Cause("dead_units", (layer, relu)),)


_KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d)
