"""Sub-pixel convolutions start with a checkerboard; ICNR starts without one."""

import math

import torch
from torch import nn

from steadygrad import draw_
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.schemes import he_normal, icnr

CHANNELS, OUT, EPS = 16, 8, 2.0**-52


class SuperResolutionIcnr(Experiment):
    """A convolution and a pixel shuffle on noise: how much of the picture's variance lies within the blocks of one input pixel."""

    name = "super-resolution-icnr"
    title = "ICNR: upsampling without a checkerboard"
    place = "numerical stability, beyond"
    items = (43,)
    claims = (
        Claim("proven", "Independent sub-pixel filters put 1 − 1/r² of the variance into the pattern within a block: 75 % at r = 2."),
        Claim("proven", "ICNR's equal filters make the layer nearest-neighbour upsampling: nothing within a block."),
        Claim("measured", "Both within their tolerances for factors 2, 3 and 4."),
    )
    settings = {"tiny": {"size": 12, "seeds": 3}, "full": {"size": 48, "seeds": 20}}

    def measure(self, bench: Bench, *, size: int, seeds: int) -> Outcome:
        """Run."""
        numbers, found = [], {"He": [], "ICNR": []}
        factors = (2, 3, 4)
        for r in factors:
            shares = {name: [_within(scheme, r, size, bench.seed * 1000 + s) for s in range(seeds)] for name, scheme in (("He", he_normal()), ("ICNR",
                icnr(factor=r)))}
            for name, values in shares.items():
                found[name].append(math.fsum(values) / seeds)
            fan, pictures = 9 * CHANNELS, seeds
            off = 4 * math.sqrt(2.0 / (fan * OUT * pictures) + 2.0 * 9.0 / (size * size * OUT * pictures)) / r**2 * 2.0
            numbers += [
                Number(f"share of variance within blocks, He, r = {r}", found["He"][-1], 1.0 - 1.0 / r**2, off,
                    "4 standard errors of 1/r²: of fan_in·8 weights and of size²/9 independent places, doubled for the ratio", "1 − 1/r²"),
                Number(f"share of variance within blocks, ICNR, r = {r}", found["ICNR"][-1], 0.0, (64 * EPS) ** 2, "squares of float64 rounding",
                    "equal filters"),
            ]
            bench.progress(r - 1, 3)
        numbers.append(_nearest(bench.seed, size))
        figure = Figure("Pattern within the blocks of one input pixel at the start", Axis("upsampling factor r", "pixels per pixel"),
            Axis("variance within blocks over all variance", "share"),
                        (series("He, measured", factors, found["He"], line=False), series("theory, 1 − 1/r²", factors, [1.0 - 1.0 / r**2 for r in factors],
                            marks=False), series("ICNR, measured", factors, found["ICNR"])))
        return Outcome(tuple(numbers), figure)


def _layer(scheme: object, r: int, seed: int) -> nn.Conv2d:
    layer = nn.Conv2d(CHANNELS, OUT * r * r, 3, padding=1, padding_mode="circular", bias=False, dtype=torch.float64)
    draw_(layer.weight, scheme, name="upsample.weight", seed=seed)  # type: ignore[arg-type]
    return layer


@torch.no_grad()
def _within(scheme: object, r: int, size: int, seed: int) -> float:
    """Mean square deviation from the mean of each r × r block, over the mean square."""
    x = gaussian(1, CHANNELS, size, size, name="x", seed=seed)
    y = nn.functional.pixel_shuffle(_layer(scheme, r, seed)(x), r)
    blocks = nn.functional.unfold(y.transpose(0, 1), r, stride=r)
    return float((blocks - blocks.mean(1, keepdim=True)).square().mean() / blocks.square().mean())


@torch.no_grad()
def _nearest(seed: int, size: int) -> Number:
    layer, x = _layer(icnr(factor=2), 2, seed), gaussian(1, CHANNELS, size, size, name="x", seed=seed)
    once = nn.functional.conv2d(nn.functional.pad(x, (1, 1, 1, 1), mode="circular"), layer.weight[::4])
    apart = nn.functional.pixel_shuffle(layer(x), 2) - nn.functional.interpolate(once, scale_factor=2, mode="nearest")
    return Number("difference to nearest-neighbour upsampling of one convolution", float(apart.abs().max()), 0.0, 1024 * EPS,
        "float64 sums of 144 terms in another order", "ICNR's definition")
