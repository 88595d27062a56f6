"""Plain networks of linear layers drawn from our schemes, and what signals and gradients do in them."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from steadygrad import draw_
from steadygrad.randomness import Law, normal
from steadygrad.schemes import Scheme
from steadygrad.theory import gaussian as average
from steadygrad.theory.activation import Activation


def plain(
    widths: Sequence[int], activation: Callable[[], nn.Module] | None, scheme: Scheme | Law | str, *, seed: int,
    gain: float = 1.0, bias: bool = True, dtype: torch.dtype = torch.float32,
) -> nn.Sequential:  # fmt: skip
    """Linear layers widths[0] → widths[1] → …, an activation after each but the last; biases 0."""
    layers: list[nn.Module] = []
    for k, (fan_in, fan_out) in enumerate(zip(widths, widths[1:], strict=False)):
        layer = nn.Linear(fan_in, fan_out, bias=bias, dtype=dtype)
        draw_(layer.weight, scheme, name=f"{k}.weight", seed=seed, gain=gain)
        if bias:
            nn.init.zeros_(layer.bias)
        layers.append(layer)
        if activation is not None and k < len(widths) - 2:
            layers.append(activation())
    return nn.Sequential(*layers)


def gaussian(*shape: int, name: str, seed: int, std: float = 1.0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A tensor of N(0, std²), a function of its name and the seed."""
    return draw_(torch.empty(*shape, dtype=dtype), normal(std), name=name, seed=seed)


class Flow(NamedTuple):
    """Second moments at the output of every linear layer, in order: of the signal, and of the gradient."""

    signal: list[float]
    gradient: list[float]


def flow(network: nn.Sequential, x: torch.Tensor, cotangent: torch.Tensor) -> Flow:
    """One forward pass, and one backward pass from ⟨output, cotangent⟩."""
    seen, h = [], x
    for layer in network:
        h = layer(h)
        if isinstance(layer, nn.Linear):
            seen.append(h)
    gradients = torch.autograd.grad((h * cotangent).sum(), seen)
    return Flow([float(t.detach().square().mean()) for t in seen], [float(g.square().mean()) for g in gradients])


def slope(values: Sequence[float]) -> float:
    """Least-squares slope of values over 0, 1, 2, …"""
    middle, mean = (len(values) - 1) / 2.0, math.fsum(values) / len(values)
    return math.fsum((k - middle) * (v - mean) for k, v in enumerate(values)) / math.fsum((k - middle) ** 2 for k in range(len(values)))


def log_factor(
    activation: Callable[[], nn.Module], scheme: Scheme | Law, *, gain: float = 1.0, width: int, depth: int, seeds: int, seed: int, skip: int = 2
) -> float:
    """Log of the factor on squared gradients per layer towards the input: slope over layers `skip` … depth − 2, mean over seeds."""
    slopes = []
    for s in range(seed * 1000, seed * 1000 + seeds):
        network = plain([width] * (depth + 1), activation, scheme, seed=s, gain=gain, dtype=torch.float64)
        x, g = (gaussian(1, width, name=name, seed=s) for name in ("x", "g"))
        slopes.append(-slope([math.log(v) for v in flow(network, x, g).gradient[skip:-1]]))
    return math.fsum(slopes) / seeds


def factor_error(activation: Activation, q: float, *, width: int, depth: int, seeds: int, skip: int = 2) -> float:
    """Tolerance of `log_factor`: 4 standard errors of a slope fitted to a walk, and the step's variance once more for the log of a mean.

    A layer's factor ‖D·Wᵀg‖²/‖g‖² has relative variance (3·E[φ′⁴]/E[φ′²]² − 1)/width; a slope over m steps of a walk has variance 1.2/m of a step's.
    """
    step = (3.0 * average.slope_moment(activation, q, 4) / average.slope_moment(activation, q) ** 2 - 1.0) / width
    return 4.0 * math.sqrt(1.2 * step / ((depth - skip - 2) * seeds)) + step


ERROR = "4 standard errors of a slope fitted to a walk of variance (3·E[φ′⁴]/E[φ′²]² − 1)/n per layer, and that variance for the log of a mean"
