"""What an exploding product does to gradient descent: deep linear networks at the chapter's scale, and at scales that keep vectors."""

import math

import torch
from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian, plain
from steadygrad.lab.training import train
from steadygrad.schemes import Scheme, lecun_normal, normal, orthogonal
from steadygrad.theory.digamma import trigamma
from steadygrad.theory.lyapunov import gaussian_log_growth

OUTSIDE, WIDTH, SAMPLES = 8, 32, 64
RATES = (1.0, 0.3, 0.1, 0.03)
LEARNED = 0.01
WAYS: dict[str, Scheme] = {"N(0, 1)": normal(1.0), "N(0, 1/n)": lecun_normal(), "orthogonal": orthogonal()}
SICK, WELL = "N(0, 1)", "orthogonal"


class DeepLinear(Experiment):
    """Linear layers of width 32 learn a random linear map from 8 to 8 values, in float64, each at the best of several rates."""

    name = "deep-linear"
    title = "A product that explodes cannot be trained, at any rate"
    place = "numerical stability, exploding gradients"
    items = (18,)
    claims = (
        Claim("proven", "Entries N(0, 1) multiply a vector's length by e^λ per layer, λ = ½(log 2 + ψ(n/2)): at width 32 by 5.6."),
        Claim("measured", "Gradient descent then diverges, or at a rate that is small enough not to, stays far above the loss of answering 0."),
        Claim("measured", "Orthogonal layers learn within as many steps at every depth, at a rate of 1/L (Saxe et al. 2013, arXiv:1312.6120)."),
    )
    settings = {"tiny": {"depths": (4, 16), "steps": 40}, "full": {"depths": (4, 16, 64), "steps": 200}}

    def measure(self, bench: Bench, *, depths: tuple[int, ...], steps: int) -> Outcome:
        """Run."""
        target = gaussian(OUTSIDE, OUTSIDE, name="target", seed=bench.seed, std=OUTSIDE**-0.5)
        x = gaussian(SAMPLES, OUTSIDE, name="x", seed=bench.seed)
        least: dict[str, list[float]] = {name: [] for name in WAYS}
        learned: list[int] = []
        for depth in depths:
            for name, scheme in WAYS.items():
                curves = [_losses(depth, scheme, rate, x, target, steps, bench.seed) for rate in _rates(depth, name)]
                best = min(curves, key=lambda curve: curve[-1])
                least[name].append(best[-1])
                if name == WELL:
                    learned.append(next((k for k, loss in enumerate(best) if loss < LEARNED * best[0]), steps))
            bench.progress(len(learned), len(depths))
        growth, error = _growth(depths[-1], x, bench.seed)
        predicted = 2.0 * gaussian_log_growth([WIDTH] * depths[-1])
        numbers = (
            Number(f"log growth of ‖h‖² over {depths[-1]} layers of N(0, 1), mean over samples", growth, predicted, error,
                "4·√(L·ψ′(n/2)), of χ² draws", "theory.lyapunov.gaussian_log_growth"),
            *(Number(f"least loss over that of answering 0, {depths[-1]} layers, {SICK}", v, 1.0, 0.0, "a bound", "nothing is learned", "≥")
                for v in least[SICK][-1:]),
            *(Number(f"least loss over that of answering 0, {depth} layers, {WELL}", v, 0.1, 0.0, "a bound", "nine tenths are learned", "≤")
                for depth, v in zip(depths, least[WELL], strict=True)),
            Number(f"steps to a hundredth of the loss, {depths[-1]} orthogonal layers over {depths[0]}", learned[-1] / learned[0], 1.0, 1.0, "a factor of 2",
                "learning time does not depend on depth", "≤"),
        )  # fmt: skip
        figure = Figure("Deep linear networks after gradient descent at the best of several rates", Axis("depth", "layers", True),
            Axis("loss over that of answering 0", "no unit", True), tuple(series(name, depths, values) for name, values in least.items()))  # fmt: skip
        said = ", ".join(f"{k} at {depth} layers" for k, depth in zip(learned, depths, strict=True))
        return Outcome(numbers, figure, f"Steps to a hundredth of the loss, orthogonal: {said}.")


def _network(depth: int, scheme: Scheme, seed: int) -> nn.Sequential:
    """Orthogonal ends, so that only what lies between differs."""
    inner = plain([WIDTH] * (depth + 1), None, scheme, seed=seed, bias=False, dtype=torch.float64)
    first, last = (plain([a, b], None, orthogonal(), seed=seed + 1, bias=False, dtype=torch.float64) for a, b in ((OUTSIDE, WIDTH), (WIDTH, OUTSIDE)))
    return nn.Sequential(*first, *inner, *last)


def _rates(depth: int, name: str) -> list[float]:
    """Of order 1/L; and for layers that multiply squares by n, also what divides the curvature n^{L−1} out."""
    rates = [rate / depth for rate in RATES]
    return rates + [rate * float(WIDTH) ** (1 - depth) for rate in rates] if name == SICK else rates


def _losses(depth: int, scheme: Scheme, rate: float, x: torch.Tensor, target: torch.Tensor, steps: int, seed: int) -> list[float]:
    """Squared errors over those of answering 0; the last is ∞ where a loss was not finite."""
    model, y = _network(depth, scheme, seed), x @ target.T
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    curve = train(model, x, y, optimizer, steps, batch=0, loss=lambda out, wanted: 0.5 * (out - wanted).square().sum(1).mean())
    zero = float(0.5 * y.square().sum(1).mean())
    return [loss / zero if math.isfinite(loss) else math.inf for loss in curve]


@torch.no_grad()
def _growth(depth: int, x: torch.Tensor, seed: int) -> tuple[float, float]:
    network = _network(depth, WAYS[SICK], seed)
    before = network[0](x)
    after = network[1:-1](before)
    grown = (after.square().sum(1).log() - before.square().sum(1).log()).mean()
    return float(grown), 4.0 * math.sqrt(depth * trigamma(WIDTH / 2.0))
