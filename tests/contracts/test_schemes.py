"""What every scheme of the catalogue promises, through real layers."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.graph.fans import convolution_fans, linear_fans
from steadygrad.randomness.backends.numpy import draw
from steadygrad.randomness.law import Fans
from steadygrad.schemes import SCHEMES, Scheme

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "schemes.json").read_text())
SEEDS = 24

Layer = tuple[Callable[[], nn.Module], Fans, tuple[int, ...], int]
LAYERS: dict[str, Layer] = {
    # layer, its fans, an input's shape, and the border of the output that sees fewer products
    "narrowing linear": (lambda: nn.Linear(784, 100, bias=False), linear_fans((100, 784)), (64, 784), 0),
    "widening linear": (lambda: nn.Linear(100, 784, bias=False), linear_fans((784, 100)), (64, 100), 0),
    "grouped strided convolution": (
        lambda: nn.Conv2d(16, 32, 4, stride=2, padding=1, groups=4, padding_mode="circular", bias=False),
        convolution_fans((32, 4, 4, 4), (2, 2), groups=4, transposed=False),
        (8, 16, 16, 16),
        0,
    ),
    "depthwise convolution": (
        lambda: nn.Conv2d(64, 64, 3, padding=1, groups=64, padding_mode="circular", bias=False),
        convolution_fans((64, 1, 3, 3), (1, 1), groups=64, transposed=False),
        (8, 64, 12, 12),
        0,
    ),
    "transposed convolution": (
        lambda: nn.ConvTranspose2d(32, 12, 4, stride=2, groups=2, bias=False),
        convolution_fans((32, 6, 4, 4), (2, 2), groups=2, transposed=True),
        (8, 32, 10, 10),
        4,
    ),
}

scheme_classes = pytest.mark.parametrize("scheme_class", SCHEMES, ids=lambda item: item.name)


@scheme_classes
def test_carries_what_it_must(scheme_class: type[Scheme]) -> None:
    for text in (scheme_class.formula, scheme_class.source, scheme_class.assumes, scheme_class.fails):
        assert len(text) > 10
    assert SCHEMES[scheme_class.name] is scheme_class
    assert repr(scheme_class()).startswith(scheme_class.name + "(")


@scheme_classes
def test_golden_number(scheme_class: type[Scheme]) -> None:
    law = scheme_class().law(Fans(*GOLDEN["fans"]), math.sqrt(GOLDEN["gain_squared"]))
    assert law.std == pytest.approx(GOLDEN["std"][scheme_class.name], abs=0.51e-7)


@scheme_classes
def test_gain_multiplies(scheme_class: type[Scheme]) -> None:
    one, three = (scheme_class().law(Fans(7.0, 31.0), gain) for gain in (1.0, 3.0))
    assert three.std == pytest.approx(3.0 * one.std, rel=1e-15) and one.mean == 0.0


@scheme_classes
def test_sampled_moments(scheme_class: type[Scheme]) -> None:
    law = scheme_class().law(Fans(9.0, 50.0))
    x = draw(law, 200_000, name="w", seed=1).astype(np.float64)
    for power, expected in ((1, 0.0), (2, law.std**2)):
        assert np.mean(x**power) == pytest.approx(expected, abs=5.0 * np.std(x**power) / math.sqrt(x.size))


@scheme_classes
@pytest.mark.parametrize("kind", LAYERS)
def test_a_real_layer_forward_and_backward(scheme_class: type[Scheme], kind: str) -> None:
    """Second moments grow by fan_in·std² forward and by fan_out·std² backward, on average over draws.

    The tolerance is five standard errors of the mean over 24 seeds.
    """
    make, fans, shape, border = LAYERS[kind]
    law = scheme_class().law(fans, 1.0)
    forward, backward = [], []
    for seed in range(SEEDS):
        layer, generator = make(), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(draw(law, tuple(layer.weight.shape), name=kind, seed=seed)))
        x = torch.randn(shape, generator=generator, requires_grad=True)
        y = layer(x)
        g = torch.randn(y.shape, generator=generator)
        (gradient,) = torch.autograd.grad(y, x, g)
        inside = y[..., border:-border, border:-border] if border else y
        forward.append(inside.square().mean().item() / x.square().mean().item())
        backward.append(gradient.square().mean().item() / g.square().mean().item())
    for seen, expected in ((forward, fans.fan_in * law.std**2), (backward, fans.fan_out * law.std**2)):
        assert np.mean(seen) == pytest.approx(expected, abs=5.0 * np.std(seen) / math.sqrt(SEEDS))


@scheme_classes
def test_empty_weights_are_refused(scheme_class: type[Scheme]) -> None:
    with pytest.raises(InputError, match=rf"`{scheme_class.name}` must be given positive fans, got Fans\(fan_in=0.0"):
        scheme_class().law(Fans(0.0, 0.0))
