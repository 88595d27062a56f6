"""What every scheme of the catalogue promises, through real layers.

Tolerances are 7 standard errors of the mean over 16 seeds (Student's t with 15 degrees: 4e-6 a test), and the rounding of
float32 where nothing is random.
"""

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from steadygrad import schemes
from steadygrad.errors import InputError
from steadygrad.graph.fans import convolution_fans, linear_fans
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.composed import Each
from steadygrad.randomness.law import Fans, Independent, Law
from steadygrad.schemes import SCHEMES, Scheme

SEEDS = 16
ROUNDING = 1e-5  # of float32 sums over a layer, relative
FANS = Fans(36.0, 60.0)

Layer = tuple[Callable[[], nn.Module], Fans, tuple[int, ...], int]
LAYERS: dict[str, Layer] = {
    # layer, its fans, an input's shape, and the border of the output that sees fewer products
    "narrowing linear": (lambda: nn.Linear(200, 48, bias=False), linear_fans((48, 200)), (32, 200), 0),
    "widening linear": (lambda: nn.Linear(48, 200, bias=False), linear_fans((200, 48)), (32, 48), 0),
    "grouped strided convolution": (
        lambda: nn.Conv2d(16, 32, 4, stride=2, padding=1, groups=4, padding_mode="circular", bias=False),
        convolution_fans((32, 4, 4, 4), (2, 2), groups=4, transposed=False),
        (4, 16, 12, 12),
        0,
    ),
    "depthwise convolution": (
        lambda: nn.Conv2d(32, 32, 3, padding=1, groups=32, padding_mode="circular", bias=False),
        convolution_fans((32, 1, 3, 3), (1, 1), groups=32, transposed=False),
        (4, 32, 8, 8),
        0,
    ),
    "transposed convolution": (
        lambda: nn.ConvTranspose2d(16, 12, 4, stride=2, groups=2, bias=False),
        convolution_fans((16, 6, 4, 4), (2, 2), groups=2, transposed=True),
        (4, 16, 10, 10),
        4,
    ),
}

SPECIMENS = [specimen for item in SCHEMES for specimen in item.specimens()]
WEIGHTS = [specimen for specimen in SPECIMENS if specimen.role == "weight"]
each_class = pytest.mark.parametrize("scheme_class", SCHEMES, ids=lambda item: item.name)
each_specimen = pytest.mark.parametrize("scheme", SPECIMENS, ids=repr)


def close(seen: list[float], expected: float) -> bool:
    """The mean of independent results is what was expected."""
    tolerance = 7.0 * np.std(seen, ddof=1) / math.sqrt(len(seen))
    return abs(float(np.mean(seen)) - expected) <= tolerance + ROUNDING * abs(expected)


@each_class
def test_carries_what_it_must(scheme_class: type[Scheme]) -> None:
    for text in (scheme_class.source, scheme_class.assumes, scheme_class.fails):
        assert len(text) > 10
    assert SCHEMES[scheme_class.name] is scheme_class is getattr(schemes, scheme_class.name)
    assert "=" in scheme_class.formula or "~" in scheme_class.formula
    assert "Example:" in (scheme_class.__doc__ or "") and scheme_class.role in ("weight", "bias", "scale", "state")
    assert all(specimen.keeps in ("", "signal", "gradient", "mean") for specimen in scheme_class.specimens())
    assert scheme_class.name in schemes.__all__


@each_specimen
def test_repr_and_json_are_calls_that_make_it_again(scheme: Scheme) -> None:
    for again in (eval(repr(scheme), dict(vars(schemes))), schemes.from_json(schemes.to_json(scheme))):
        assert again == scheme and hash(again) == hash(scheme) and repr(again) == repr(scheme)
        one, other = (draw(s.law(FANS), s.shape, name="w", seed=3) for s in (scheme, again))
        assert np.array_equal(one, other)
    assert json.loads(schemes.to_json(scheme))[0] == scheme.name


@each_specimen
def test_the_gain_multiplies_or_is_not_looked_at(scheme: Scheme) -> None:
    one, three = (draw(scheme.law(FANS, gain), scheme.shape, "float64", name="w") for gain in (1.0, 3.0))
    assert np.allclose(three, (3.0 if scheme.scales else 1.0) * one, rtol=1e-12, atol=0.0)
    assert one.any() or scheme.formula in ("w = 0",)


@each_specimen
def test_the_law_knows_its_second_moment(scheme: Scheme) -> None:
    law = scheme.law(FANS, 1.5)
    seen = [float(np.mean(np.square(draw(law, scheme.shape, "float64", name="w", seed=seed)))) for seed in range(SEEDS)]
    if scheme.role == "weight" or isinstance(law, Independent):
        assert close(seen, law.rms(scheme.shape) ** 2)
    assert np.isfinite(seen).all()


@pytest.mark.parametrize("scheme", [s for s in SPECIMENS if s.fixed is not None], ids=repr)
def test_a_fixed_law_is_the_law_whatever_the_fans(scheme: Scheme) -> None:
    assert scheme.law(FANS, 1.5) == scheme.law(Fans(2.0, 1.0)) == scheme.fixed


@pytest.mark.parametrize("scheme", [s for s in SPECIMENS if s.keeps], ids=repr)
@pytest.mark.parametrize("kind", LAYERS)
def test_the_promise_holds_for_the_fans_of_real_layers(scheme: Scheme, kind: str) -> None:
    make, fans, _, _ = LAYERS[kind]
    fan = {"signal": fans.fan_in, "gradient": fans.fan_out, "mean": (fans.fan_in + fans.fan_out) / 2.0}[scheme.keeps]
    try:
        rms = scheme.law(fans, 1.5).rms(tuple(make().weight.shape))
    except InputError:
        assert scheme.needs
    else:
        assert fan * rms**2 == pytest.approx(1.5**2, rel=1e-12)


@pytest.mark.parametrize("scheme", WEIGHTS, ids=repr)
@pytest.mark.parametrize("kind", LAYERS)
def test_a_real_layer_forward_and_backward(scheme: Scheme, kind: str) -> None:
    """Second moments grow by fan_in·rms² forward and by fan_out·rms² backward, on average over draws and inputs."""
    try:
        law = scheme.law(LAYERS[kind][1], 1.5)
        law.rms(tuple(LAYERS[kind][0]().weight.shape))
    except InputError:
        assert scheme.needs
        return
    passes_what_it_says(law, kind, LAYERS[kind])


@pytest.mark.parametrize("scheme", [s for s in WEIGHTS if len(s.shape) > 1], ids=repr)
def test_a_layer_of_its_own_shape_forward_and_backward(scheme: Scheme) -> None:
    """The same for what other shapes do not suit: tables, Fourier kernels, parts."""
    out, inputs, *kernel = scheme.shape
    if not kernel:
        layer: Layer = (lambda: nn.Linear(inputs, out, bias=False), linear_fans(scheme.shape), (64, inputs), 0)
    else:
        make = {1: nn.Conv1d, 2: nn.Conv2d}[len(kernel)]
        fans = convolution_fans(scheme.shape, (1,) * len(kernel), groups=1, transposed=False)
        layer = (lambda: make(inputs, out, tuple(kernel), padding="same", padding_mode="circular", bias=False), fans, (8, inputs, *(12 for _ in kernel)), 0)
    passes_what_it_says(scheme.law(layer[1], 1.5), "own", layer)


def passes_what_it_says(law: Law, name: str, kind: Layer) -> None:
    make, fans, shape, border = kind
    layer = make()
    size = tuple(layer.weight.shape)
    forward, backward, expected = [], [], law.rms(size) ** 2
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        layer.weight.data = torch.from_numpy(draw(law, size, name=name, seed=seed))
        x = torch.randn(shape, generator=generator, requires_grad=True)
        y = layer(x)
        g = torch.randn(y.shape, generator=generator)
        (gradient,) = torch.autograd.grad(y, x, g)
        inside = y[..., border:-border, border:-border] if border else y
        forward.append(inside.square().mean().item() / x.square().mean().item())
        backward.append(gradient.square().mean().item() / g.square().mean().item())
    assert close(forward, fans.fan_in * expected)
    assert close(backward, fans.fan_out * expected)


@each_specimen
def test_empty_weights_are_refused_or_fans_not_looked_at(scheme: Scheme) -> None:
    one, other = (draw(scheme.law(fans), scheme.shape, name="w") for fans in (FANS, Fans(2.0, 3.0)))
    if np.array_equal(one, other):
        assert np.array_equal(one, draw(scheme.law(Fans(0.0, 0.0)), scheme.shape, name="w"))
    else:
        with pytest.raises(InputError, match=r"must be given positive fans, got Fans\(fan_in=0.0"):
            scheme.law(Fans(0.0, 0.0))


@pytest.mark.parametrize("scheme", [s for s in SPECIMENS if s.scales], ids=repr)
@pytest.mark.parametrize("gain", [math.nan, math.inf])
def test_gains_that_are_no_numbers_are_refused(scheme: Scheme, gain: float) -> None:
    with pytest.raises(InputError, match=r"finite|low ≤ high"):
        draw(scheme.law(FANS, gain), scheme.shape, name="w")


@pytest.mark.parametrize("scheme", [s for s in SPECIMENS if s.needs and not isinstance(s.law(FANS), Independent | Each)], ids=repr)
def test_shapes_it_cannot_be_drawn_into_are_refused(scheme: Scheme) -> None:
    with pytest.raises(InputError, match=r"got shape"):
        draw(scheme.law(FANS), (7,), name="w")


@pytest.mark.parametrize("shape", [(7,), (6, 4), (4, 6), (5, 3), (8, 6, 3), (6, 4, 3, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("scheme_class", SCHEMES, ids=lambda item: item.name)
def test_what_cannot_be_drawn_has_no_second_moment(scheme_class: type[Scheme], shape: tuple[int, ...]) -> None:
    """Plans ask for it before anything is written, so that no draw fails half-way."""
    for scheme in scheme_class.specimens():
        law, told = scheme.law(FANS), []
        for attempt in (lambda law=law: draw(law, shape, name="w"), lambda law=law: law.rms(shape)):
            try:
                attempt()
            except InputError as error:
                told.append(str(error))
        assert len(told) in (0, 2)
