"""Deep residual networks without batch norm: SkipInit, Fixup's rule, scaled weight standardization, layer norm."""

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.lab.training import accuracy, smooth, train
from steadygrad.normalization import ScaledWSLinear
from steadygrad.theory import activations
from steadygrad.theory.normalizer_free import nonlinearity_gain

WIDTH, RATE = 64, 0.02
FINAL: dict[str, Callable[[int], nn.Module]] = {"batch norm": nn.BatchNorm1d, "layer norm": nn.LayerNorm}
"""The norm that ends a stream of pre-norm blocks; without it layer norm diverged at this depth and rate."""


class Branch(nn.Module):
    """x + α·f(x/β), f two linear layers behind norms and ReLUs; α a number, or trained from one where `learned`."""

    def __init__(self, linear: list[nn.Module], norm: Callable[[int], nn.Module] | None, alpha: float, *, beta: float = 1.0, gain: float = 1.0,
        learned: bool = False) -> None:
        super().__init__()
        norms = [norm(WIDTH) if norm is not None else nn.Identity() for _ in linear]
        self.linear, self.norms, self.beta, self.gain = nn.ModuleList(linear), nn.ModuleList(norms), beta, gain
        self.alpha = nn.Parameter(torch.tensor(alpha)) if learned else alpha

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum."""
        h = x / self.beta
        for layer, norm in zip(self.linear, self.norms, strict=True):
            h = layer(torch.relu(norm(h)) * self.gain)
        return x + self.alpha * h


class WithoutNormalizers(Experiment):
    """The same residual network of two-layer branches on digits, normalized in five ways and in none."""

    name = "without-normalizers"
    title = "What batch norm does for residual networks can be had without it"
    place = "batch normalization, training deep networks; beyond the chapter"
    items = (94, 98)
    claims = (
        Claim("measured", "SkipInit, Fixup's scaling and scaled weight standardization reach what batch norm reaches, at the same depth and rate."),
        Claim("proven", "Without a norm or a scale the variance of a residual stream doubles per branch: 2^blocks."),
    )
    settings = {"tiny": {"blocks": 4, "steps": 40, "reach": 0.6}, "full": {"blocks": 50, "steps": 300, "reach": 0.9}}

    def measure(self, bench: Bench, *, blocks: int, steps: int, reach: float) -> Outcome:
        """Run."""
        data, tests, curves = digits.load(), dict[str, float](), dict[str, list[float]]()
        arms = _arms(blocks, bench.seed)
        for name, make in arms.items():
            model = _network(make, blocks, bench.seed, FINAL.get(name))
            optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
            curves[name] = train(model, data.train_x, data.train_y, optimizer, steps, seed=bench.seed)
            tests[name] = accuracy(model, data.test_x, data.test_y)
            bench.progress(len(tests), len(arms))
        with torch.no_grad():
            stem = _network(arms["none"], blocks, bench.seed)
            h0 = stem[0](data.train_x)
            grown = math.log2(float(stem[1:-1](h0).square().mean() / h0.square().mean())) / blocks
        numbers = [
            *(Number(f"test accuracy, {name}", value, reach, 0.0, "a bound", "as with batch norm", "≥") for name, value in tests.items() if name != "none"),
            Number("log₂ of the stream's growth per branch, no norm", grown, 1.0, 4.0 * math.sqrt(10.0 / WIDTH / blocks) + 0.2,
                "4 standard errors of a walk with variance 10/n per branch, and what ReLU's mean adds", "x + f(x), two independent halves"),
        ]  # fmt: skip
        count = list(range(1, steps + 1))
        shown = {name: [v if math.isfinite(v) else math.nan for v in smooth(curve)] for name, curve in curves.items()}
        figure = Figure(f"Training loss of {blocks} residual branches on digits", Axis("step", "updates"), Axis("cross-entropy over ten steps", "nats",
            True), tuple(
            series(name, count[: len(curve)], curve, marks=False) for name, curve in shown.items()))  # fmt: skip
        return Outcome(tuple(numbers), figure, "; ".join(f"{name}: {value:.3f}" for name, value in tests.items()) + f" after {steps} steps at rate {RATE}.")


def _arms(blocks: int, seed: int) -> dict[str, Callable[[int], Branch]]:
    def pair(k: int, first: float = 1.0, last: float = 1.0) -> list[nn.Module]:
        made = []
        for i, scale in enumerate((first, last)):
            layer = nn.Linear(WIDTH, WIDTH, bias=i == 1)
            with torch.no_grad():
                layer.weight.copy_(gaussian(WIDTH, WIDTH, name=f"block.{k}.{i}", seed=seed, std=scale * math.sqrt(2.0 / WIDTH), dtype=torch.float32))
                if layer.bias is not None:
                    layer.bias.zero_()
            made.append(layer)
        return made

    def standardized(k: int) -> list[nn.Module]:
        made = []
        for layer in pair(k):
            wide = ScaledWSLinear(WIDTH, WIDTH)
            wide.load_state_dict({**wide.state_dict(), "weight": cast(nn.Linear, layer).weight.detach(), "bias": torch.zeros(WIDTH)})
            made.append(wide)
        return made

    relu = nonlinearity_gain(activations.get("relu"))
    return {
        "batch norm": lambda k: Branch(pair(k), nn.BatchNorm1d, 1.0),
        "layer norm": lambda k: Branch(pair(k), nn.LayerNorm, 1.0),
        "SkipInit": lambda k: Branch(pair(k), None, 0.0, learned=True),
        "Fixup's scales": lambda k: Branch(pair(k, blocks**-0.5, 0.0), None, 1.0),
        "scaled weight standardization": lambda k: Branch(standardized(k), None, 0.2, beta=math.sqrt(1.0 + 0.04 * k), gain=relu),
        "none": lambda k: Branch(pair(k), None, 1.0),
    }


def _network(make: Callable[[int], Branch], blocks: int, seed: int, final: Callable[[int], nn.Module] | None = None) -> nn.Sequential:
    first, last = nn.Linear(64, WIDTH), nn.Linear(WIDTH, 10)
    with torch.no_grad():
        first.weight.copy_(gaussian(WIDTH, 64, name="first", seed=seed, std=1.0 / 8.0, dtype=torch.float32))
        last.weight.copy_(gaussian(10, WIDTH, name="last", seed=seed, std=0.01, dtype=torch.float32))
        first.bias.zero_()
        last.bias.zero_()
    return nn.Sequential(first, *(make(k) for k in range(blocks)), *([final(WIDTH)] if final is not None else []), last)
