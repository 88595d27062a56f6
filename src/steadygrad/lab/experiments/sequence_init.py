"""Recurrent networks: orthogonal recurrence and the forget gate's bias decide how far back a gradient reaches."""

import math

import numpy as np
import torch
from torch import nn

from steadygrad import draw_
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.schemes import Scheme, chrono, forget_bias, lecun_normal, orthogonal, per_gate, zeros

SMALL = 1e-7  # states so small that tanh is linear to 1e-14
EPS = 2.0**-52


class SequenceInit(Experiment):
    """Gradients through time in torch's RNN and LSTM at their start."""

    name = "sequence-init"
    title = "Sequence models: orthogonal recurrence, forget bias, chrono"
    place = "numerical stability, beyond"
    items = (43,)
    claims = (
        Claim("proven", "With an orthogonal recurrent matrix of gain g and small states a gradient changes by g per step, exactly."),
        Claim("proven", "Through an LSTM's cell it changes by σ(b_f) per step: half at bias 0, 0.73 at bias 1."),
        Claim("measured", "chrono biases keep a share of the cell over hundreds of steps, as the average of (u/(1 + u))^T over u says."),
    )
    settings = {"tiny": {"width": 32, "steps": 20, "units": 500}, "full": {"width": 128, "steps": 200, "units": 20_000}}

    def measure(self, bench: Bench, *, width: int, steps: int, units: int) -> Outcome:
        """Run."""
        numbers, lines = [], []
        count = sorted({1, 2, 3, 5, 8, 12, 16, 20, 30, 50, 80, 120, 160, 200} & set(range(steps + 1)))
        for name, scheme, gain in (("orthogonal", orthogonal(), 1.0), ("orthogonal, gain 0.9", orthogonal(), 0.9), ("Gaussian, 1/n", lecun_normal(), 1.0)):
            grown = [_recurrent(scheme, gain, width, t, bench.seed) for t in count]
            lines.append(series(f"RNN, {name}", count, grown))
            if name != "Gaussian, 1/n":
                exact = gain ** count[-1]
                numbers.append(Number(f"gradient through {count[-1]} steps, {name}", grown[-1], exact, exact * (count[-1] * SMALL**2 * width + 1e-12),
                    "tanh′ = 1 − h² of states below 1e-7·√n, and rounding", "gain^steps"))
            bench.progress(len(lines), 6)
        for name, scheme, value in (("bias 0", forget_bias(0.0), 0.5), ("bias 1", forget_bias(1.0), 1.0 / (1.0 + math.exp(-1.0)))):
            kept = [_cell(scheme, 8, t, bench.seed) for t in count]
            lines.append(series(f"LSTM cell, {name}", count, kept))
            numbers.append(Number(f"gradient through {count[-1]} steps of the cell, {name}", kept[-1], value ** count[-1],
                8 * count[-1] * EPS * value ** count[-1], "products in float64", "σ(b_f)^steps"))
            bench.progress(len(lines), 6)
        scheme, longest = chrono(10.0 * steps), 10.0 * steps
        kept = [_cell(scheme, units, t, bench.seed) for t in count]
        lines.append(series(f"LSTM cell, chrono({longest:g})", count, kept))
        mean, spread = _chrono(longest, count[-1])
        numbers += [
            Number(f"gradient through {count[-1]} steps of the cell, chrono({longest:g})", kept[-1], mean, 4 * spread / math.sqrt(units),
                "4 standard errors over units", "average of (u/(1 + u))^T over u ~ U(1, t_max − 1), by quadrature"),
            _gates(width, bench.seed),
        ]
        figure = Figure("How much of a gradient is left after T steps back", Axis("steps T", "time steps"), Axis("gradient, over that at the last step",
            "no unit", True), tuple(lines))
        return Outcome(tuple(numbers), figure)


def _recurrent(scheme: Scheme, gain: float, width: int, steps: int, seed: int) -> float:
    """Norm of the gradient at the first state over that at the last, no inputs."""
    cell = nn.RNN(1, width, bias=False, dtype=torch.float64)
    draw_(cell.weight_hh_l0, scheme, name="weight_hh", seed=seed, gain=gain)
    h, g = (gaussian(1, 1, width, name=n, seed=seed, std=SMALL) for n in ("h", "g"))
    h.requires_grad_(True)
    out = cell(torch.zeros(steps, 1, 1, dtype=torch.float64), h)[0][-1]
    (back,) = torch.autograd.grad((out * g[0]).sum(), h)
    return float(back.norm() / g.norm())


def _cell(scheme: Scheme, units: int, steps: int, seed: int) -> float:
    """Mean over units of d c_T/d c_0, weights 0 so that only the gate's bias acts."""
    cell = nn.LSTM(1, units, dtype=torch.float64) if units <= 64 else None
    bias = draw_(torch.empty(4 * units, dtype=torch.float64), scheme, name="bias_ih", seed=seed)
    if cell is None:  # 4·units² recurrent weights of 0 would only cost memory
        return float(torch.sigmoid(bias[units : 2 * units]).pow(steps).mean())
    for name, parameter in cell.named_parameters():
        draw_(parameter, zeros(), name=name)
    with torch.no_grad():
        cell.bias_ih_l0.copy_(bias)
    c = torch.zeros(1, 1, units, dtype=torch.float64, requires_grad=True)
    last = cell(torch.zeros(steps, 1, 1, dtype=torch.float64), (torch.zeros_like(c), c))[1][1]
    return float(torch.autograd.grad(last.sum(), c)[0].mean())


def _chrono(longest: float, steps: int) -> tuple[float, float]:
    """Mean and standard deviation of (u/(1 + u))^steps, u uniform in (1, longest − 1)."""
    u = 1.0 + (longest - 2.0) * (np.arange(200_000) + 0.5) / 200_000
    kept = (u / (1.0 + u)) ** steps
    return float(kept.mean()), float(kept.std())


def _gates(width: int, seed: int) -> Number:
    """Each gate's recurrent matrix orthogonal by itself."""
    w = draw_(torch.empty(4 * width, width, dtype=torch.float64), per_gate(orthogonal()), name="weight_hh_l0", seed=seed).view(4, width, width)
    off = (w @ w.mT - torch.eye(width, dtype=torch.float64)).abs().max()
    return Number("largest entry of QQᵀ − I over the four gates of an LSTM", float(off), 0.0, 16 * width * EPS, "rounding of n reflections",
        "per_gate(orthogonal())")
