"""Lyapunov exponents: the rates at which a product of random matrices stretches its directions."""

import math

import torch
from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, Series, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import ERROR, factor_error, gaussian, log_factor
from steadygrad.schemes import lecun_normal
from steadygrad.theory import activations, maps
from steadygrad.theory.digamma import trigamma
from steadygrad.theory.lyapunov import gaussian_exponents, wide_exponent


class Lyapunov(Experiment):
    """All exponents by repeated QR at widths 4, 8 and 16; the largest one of a chaotic tanh network."""

    name = "lyapunov"
    title = "Lyapunov exponents of Gaussian products and of a tanh network"
    place = "numerical stability, exploding gradients and exercise 3"
    items = (5, 16, 17, 47)
    claims = (
        Claim("proven",
            "A product of n × n Gaussian matrices has exponents λ_i = log σ + ½(log 2 + ψ((n − i + 1)/2)): all differ."),
        Claim("measured", "Repeated QR finds all of them within 4 standard errors."),
        Claim("measured", "A wide tanh network's exponent is ½ log χ₁, up to terms of order 1/width."),
    )
    settings = {"tiny": {"factors": 300, "width": 96, "seeds": 3}, "full": {"factors": 10_000, "width": 512, "seeds": 12}}

    def measure(self, bench: Bench, *, factors: int, width: int, seeds: int) -> Outcome:
        """Run."""
        numbers: list[Number] = []
        lines: list[Series] = []
        for n in (4, 8, 16):
            found, exact = _by_qr(n, factors, bench.seed), gaussian_exponents(n)
            where = [(i + 1) / n for i in range(n)]
            lines += [series(f"measured, width {n}", where, found, line=False), series(f"theory, width {n}", where, exact.tolist(), marks=False)]
            shown = range(n) if n == 4 else (0, n - 1)
            numbers += [Number(f"exponent {i + 1} of {n}", found[i], float(exact[i]), 4 * 0.5 * math.sqrt(trigamma((n - i) / 2.0) / factors),
                "4·½·√(ψ′((n − i + 1)/2)/factors), of χ² draws", "theory.lyapunov.gaussian_exponents") for i in shown]
            bench.progress(len(lines) // 2, 4)
        numbers.append(_tanh(width, seeds, bench.seed))
        figure = Figure("Lyapunov exponents of products of Gaussian matrices, σ = 1", Axis("index i of the exponent over the width n", "no unit"),
            Axis("exponent", "nats per factor"), tuple(lines))
        return Outcome(tuple(numbers), figure,
            f"At width 4 the condition number grows by e^{gaussian_exponents(4)[0] - gaussian_exponents(4)[-1]:.2f} per factor.")


def _by_qr(n: int, factors: int, seed: int) -> list[float]:
    """Means of log|R_ii| over A_k·Q_{k−1} = Q_k·R_k."""
    drawn, q = gaussian(factors, n, n, name=f"factors.{n}", seed=seed), torch.eye(n, dtype=torch.float64)
    total = torch.zeros(n, dtype=torch.float64)
    for factor in drawn:
        q, r = torch.linalg.qr(factor @ q)
        total += r.diagonal().abs().log()
    return (total / factors).tolist()


def _tanh(width: int, seeds: int, seed: int) -> Number:
    """Half the log growth of squared gradients per layer, σ_w² = 2.5, σ_b = 0."""
    tanh, variance, depth, skip = activations.get("tanh"), 2.5, 30, 5
    measured = log_factor(nn.Tanh, lecun_normal(), gain=math.sqrt(variance), width=width, depth=depth, seeds=seeds, seed=seed, skip=skip)
    error = factor_error(tanh, maps.q_star(tanh, variance).q, width=width, depth=depth, seeds=seeds, skip=skip)
    return Number(f"exponent of a tanh network, σ_w² = 2.5, {width} wide", 0.5 * measured, wide_exponent(tanh, variance), 0.5 * error, ERROR,
        "theory.lyapunov.wide_exponent: ½ log χ₁")
