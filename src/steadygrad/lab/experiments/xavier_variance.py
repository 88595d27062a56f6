"""Var(o) = n_in·σ²·γ² for any weights of mean 0 and variance σ², layer after layer."""

import math

import torch

from steadygrad import draw_
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.randomness import normal, rademacher, uniform
from steadygrad.schemes import glorot_normal, glorot_uniform
from steadygrad.theory.digamma import trigamma
from steadygrad.theory.lyapunov import gaussian_log_growth

SIGMA, GAMMA, INPUTS, BATCH = 0.05, 1.5, 300, 64


class XavierVariance(Experiment):
    """One layer under four laws of weights; then fifty linear layers."""

    name = "xavier-variance"
    title = "The variance of a linear layer's output: n_in·σ²·γ², whatever the law"
    place = "numerical stability, Xavier initialization"
    items = (31, 32, 35, 36, 37)
    claims = (
        Claim("proven", "For independent weights of mean 0 and variance σ², E[o] = 0 and Var[o] = n_in·σ²·γ²: no Gaussian is needed."),
        Claim("proven", "At n_in·σ² = 1 the mean of the squared norm is kept over any depth; a typical one shrinks by ½(log(2/n) + ψ(n/2)) per layer."),
        Claim("measured", "Normal, uniform, Laplace and ±σ weights agree within 4 standard errors."),
    )
    settings = {"tiny": {"outputs": 4000, "width": 32, "seeds": 8}, "full": {"outputs": 40_000, "width": 256, "seeds": 32}}

    def measure(self, bench: Bench, *, outputs: int, width: int, seeds: int) -> Outcome:
        """Run."""
        x = gaussian(BATCH, INPUTS, name="x", seed=bench.seed, std=GAMMA)
        variance = INPUTS * SIGMA**2 * GAMMA**2
        numbers = []
        for name, weight in _weights(outputs, bench.seed).items():
            o = x @ weight.T
            numbers += [
                Number(f"E[o], {name} weights", float(o.mean()), 0.0, 4 * math.sqrt(variance / (BATCH * outputs)), "4·√(Var[o]/(batch·outputs))",
                    "chapter, E[o] = 0"),
                Number(f"Var[o], {name} weights", float(o.square().mean()), variance, 4 * variance * math.sqrt(2.1 / outputs + 2.0 / (INPUTS * BATCH)),
                    "4 standard errors: 2.1/outputs for the weights, 2/(n_in·batch) for the inputs", "chapter, n_in·σ²·γ²"),
            ]
        numbers += _bounds(bench.seed)
        depth, lines = 50, []
        walks = _walks(depth, width, seeds, bench)
        for scale in (0.9, 1.0, 1.1):
            exact = 2.0 * gaussian_log_growth([width] * depth, scale / math.sqrt(width))
            measured = float(walks[-1].mean()) + 2.0 * depth * math.log(scale)
            numbers.append(Number(f"log of the squared norm after 50 layers, σ = {scale:g}/√n", measured, exact,
                4 * math.sqrt(depth * trigamma(width / 2.0) / seeds), "4·√(50·ψ′(n/2)/seeds), of χ² draws", "theory.lyapunov.gaussian_log_growth"))
            lines.append(series(f"σ = {scale:g}/√n", range(1, depth + 1),
                [math.exp(float(walks[k].mean()) + 2.0 * (k + 1) * math.log(scale)) for k in range(depth)]))
            lines.append(series(f"theory, {scale:g}/√n", range(1, depth + 1), [math.exp(2.0 * gaussian_log_growth([width] * k,
                scale / math.sqrt(width))) for k in range(1, depth + 1)], marks=False))
        figure = Figure(f"Typical squared norm through linear layers of width {width}", Axis("layer", "layers"), Axis("squared norm over that of the input",
            "no unit", True), tuple(lines))
        return Outcome(tuple(numbers), figure)


def _weights(outputs: int, seed: int) -> dict[str, torch.Tensor]:
    """Four laws of mean 0 and standard deviation σ; Laplace as the difference of two exponentials."""
    shape = (outputs, INPUTS)
    laws = {"normal": normal(SIGMA), "uniform": uniform(-math.sqrt(3.0) * SIGMA, math.sqrt(3.0) * SIGMA), "±σ": rademacher(SIGMA)}
    drawn = {name: draw_(torch.empty(shape, dtype=torch.float64), law, name=name, seed=seed) for name, law in laws.items()}
    first, second = (draw_(torch.empty(shape, dtype=torch.float64), uniform(0.0, 1.0), name=f"laplace.{k}", seed=seed).log() for k in range(2))
    drawn["Laplace"] = (first - second) * (SIGMA / math.sqrt(2.0))
    return drawn


def _bounds(seed: int) -> list[Number]:
    """The library's Xavier laws on a layer of 192 inputs and 64 outputs."""
    shape, a, s = (64, 192), math.sqrt(6.0 / 256.0), math.sqrt(2.0 / 256.0)
    flat = draw_(torch.empty(shape), glorot_uniform(), name="uniform", seed=seed).double()
    bell = draw_(torch.empty(shape), glorot_normal(), name="bell", seed=seed).double()
    n = flat.numel()
    return [
        Number("largest weight of Xavier uniform", float(flat.abs().max()), a, 0.0, "a bound", "√(6/(n_in + n_out))", "≤"),
        Number("variance of Xavier uniform", float(flat.square().mean()), a * a / 3.0, 4 * a * a / 3.0 * math.sqrt(0.8 / n),
            "4·√(0.8/n): E[x⁴]/E[x²]² = 9/5", "a²/3"),
        Number("variance of Xavier normal", float(bell.square().mean()), s * s, 4 * s * s * math.sqrt(2.0 / n), "4·√(2/n)", "2/(n_in + n_out)"),
    ]


def _walks(depth: int, width: int, seeds: int, bench: Bench) -> torch.Tensor:
    """Log squared norms after every layer at σ = 1/√n, (depth, seeds)."""
    found = torch.zeros(depth, seeds, dtype=torch.float64)
    for s in range(seeds):
        v, total = torch.full((width,), width**-0.5, dtype=torch.float64), 0.0
        for k in range(depth):
            v = gaussian(width, width, name=f"{s}.{k}", seed=bench.seed, std=width**-0.5) @ v
            total += math.log(float(v.square().sum()))
            v = v / v.norm()
            found[k, s] = total
        bench.progress(s + 1, seeds)
    return found
