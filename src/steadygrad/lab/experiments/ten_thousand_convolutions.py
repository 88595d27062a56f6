"""A plain convolutional network of 10,000 layers: delta-orthogonal kernels, activations recomputed a segment at a time."""

import math
from typing import cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint_sequential

from steadygrad import draw_
from steadygrad.lab import digits
from steadygrad.lab.chain.training import critical_gain
from steadygrad.lab.deep import Trained, readout, train_until
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.lab.split import split
from steadygrad.lab.training import accuracy, guess_error, guessing
from steadygrad.schemes import Scheme, delta_orthogonal, lecun_normal
from steadygrad.theory.depth_rate import chain_length, chain_sharpness, largest_stable_rate

CHANNELS, SIDE, BATCH, MOMENTUM, GAIN, SAFETY, ENOUGH = 16, 4, 32, 0.9, 0.4, 0.5, 0.92
FEW = 15  # steps of the contrast, whose gradients are zero
# A tap sees 1, 3/4 or 9/16 of the 16 positions within the image; their products add up without order: n·(1 + 4·3/4 + 4·9/16)/16.
SEEN = CHANNELS * (1.0 + 4.0 * 0.75 + 4.0 * 0.5625)


class PlainConvolutions(nn.Module):
    """3 × 3 convolutions of 16 channels on 4 × 4 images, tanh after each, no skips, no norms, under a fixed readout of all 256 features."""

    def __init__(self, depth: int, scheme: Scheme, q: float, *, seed: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k in range(depth):
            layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
            draw_(layer.weight, scheme, name=f"{k}.weight", seed=seed, gain=critical_gain(q))
            layers += [layer, nn.Tanh()]
        self.stack, self.segments = nn.Sequential(*layers), max(1, math.isqrt(depth))
        self.readout = readout(CHANNELS * SIDE**2, 10, GAIN / math.sqrt(q), seed=seed)
        square = torch.linalg.qr(gaussian(CHANNELS, CHANNELS, name="embedding", seed=seed, dtype=torch.float32)).Q
        self.register_buffer("embedding", square[:, :4] * 2.0)  # orthonormal columns keep the norm; ·2: 4 channels' second moment in 16

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 10) of images (N, 64)."""
        h = nn.functional.pixel_unshuffle(x.reshape(-1, 1, 2 * SIDE, 2 * SIDE), 2)
        h = torch.einsum("oc,nchw->nohw", self.embedding, h)
        if torch.is_grad_enabled():
            h = cast(torch.Tensor, checkpoint_sequential(self.stack, self.segments, h, use_reentrant=False, preserve_rng_state=False))
        else:
            h = self.stack(h)
        return cast(torch.Tensor, self.readout(h.flatten(1)))


class TenThousandConvolutions(Experiment):
    """Half the predicted rate, stopped by a validation part; Gaussian kernels of the same variance for 15 steps."""

    name = "ten-thousand-convolutions"
    title = "A plain convolutional network of 10,000 layers"
    place = "numerical stability, beyond: 10,000-layer networks"
    items = (44,)
    claims = (
        Claim("proven", "A delta-orthogonal kernel keeps every position's norm, forward and backward, whatever the padding."),
        Claim("measured", "At half the predicted rate 10,000 such convolutions learn the digits; with Gaussian kernels nothing comes through."),
    )
    settings = {
        "tiny": {"depth": 10, "steps": 25, "reach": 0.6},
        "full": {"depth": 10_000, "steps": 60, "reach": 0.9},
    }

    def measure(self, bench: Bench, *, depth: int, steps: int, reach: float) -> Outcome:
        """Run."""
        q = chain_length(depth)
        data = split(*digits.load()).scaled(math.sqrt(q))
        sharpness = chain_sharpness(depth, width=round(SEEN), q=q, classes=data.classes, readout_gain=GAIN, alignment=data.alignment())
        rate = SAFETY * largest_stable_rate(sharpness, batch=BATCH, momentum=MOMENTUM)
        runs: dict[str, Trained] = {}
        tests: dict[str, float] = {}
        for way, scheme in (("delta-orthogonal", delta_orthogonal()), ("Gaussian", lecun_normal())):
            model = PlainConvolutions(depth, scheme, q, seed=bench.seed)
            budget = min([steps, *(FEW for _ in runs)])
            runs[way] = train_until(
                model, data, rate=rate, batch=BATCH, steps=budget, momentum=MOMENTUM, enough=ENOUGH, seed=bench.seed, progress=bench.progress
            )
            tests[way] = accuracy(model, data.test_x, data.test_y)
        ours, theirs = runs.values()
        numbers = [
            Number("test accuracy, delta-orthogonal", tests["delta-orthogonal"], reach, 0.0, "a bound", "nine in ten held-out digits", "≥"),
            Number("log₁₀ of first over last layer's gradient norm, delta-orthogonal", math.log10(ours.first_to_last), 0.0, math.log10(3.0),
                "within [⅓, 3]", "dynamical isometry"),
        ]  # fmt: skip
        if depth >= 1000:
            numbers.append(Number("test accuracy, Gaussian kernels", tests["Gaussian"], guessing(data.test_y), guess_error(data.test_y),
                "4·√(p(1 − p)/n) of the test part", "guessing", "≤"))  # fmt: skip
        figure = Figure(f"{depth:,} plain convolutions on digits", Axis("step", "updates"), Axis("validation accuracy", "share"), tuple(
            series(way, [s for s, _ in run.looks], [v for _, v in run.looks]) for way, run in runs.items()))  # fmt: skip
        return Outcome(tuple(numbers), figure, f"q = {q:.2e}, rate {rate * depth:.3f}/L, {ours.steps} steps to {tests['delta-orthogonal']:.1%}; "
            f"gradients, first over last layer: {ours.first_to_last:.2g} and, Gaussian, {theirs.first_to_last:.2g}.")  # fmt: skip
