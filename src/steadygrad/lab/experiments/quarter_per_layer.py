"""Case study 2.2: a sigmoid passes at most a quarter of the gradient – times the weight."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, Series, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import ERROR, factor_error, flow, gaussian, log_factor, plain
from steadygrad.schemes import glorot_normal, he_normal
from steadygrad.theory import activations, maps

EPS = 2.0**-52


class QuarterPerLayer(Experiment):
    """A chain of single sigmoids; a 64-wide sigmoid network under Xavier; the first layer's update over depth."""

    name = "quarter-per-layer"
    title = "Each sigmoid layer passes at most |w|/4 of the gradient"
    place = "model initialization, case 2.2"
    items = (7, 52, 53, 54)
    claims = (
        Claim("proven", "A sigmoid layer multiplies the gradient's norm by at most ‖W‖/4: by a quarter or less only while ‖W‖ ≤ 1."),
        Claim("proven", "With w = 8 at z = 0 the factor is 2 per layer: sigmoid chains can explode, too."),
        Claim("measured", "Under Xavier squared gradients shrink 18-fold per layer (χ₁ = 0.0557), as theory says."),
    )
    settings = {"tiny": {"seeds": 6, "depths": (1, 2, 4, 8)}, "full": {"seeds": 60, "depths": (1, 2, 4, 8, 16, 24, 32)}}

    def measure(self, bench: Bench, *, seeds: int, depths: tuple[int, ...]) -> Outcome:
        """Run."""
        hundred = 100.0
        for _ in range(5):
            hundred *= 0.1
        numbers = [Number("100 times 0.1, five times", hundred, 0.001, 5 * EPS * 0.001 + 5 * 2.0**-54, "five products in float64", "page, example 1")]
        for w, layers in ((1.0, 2), (1.0, 3), (4.0, 10), (8.0, 10)):
            found = _chain(w, layers)
            numbers.append(Number(f"gradient through {layers} sigmoids at z = 0, w = {w:g}", found, (w / 4.0) ** layers, 4 * layers * EPS * found,
                "products in float64", "(w/4)^layers"))
        numbers += _network(20, 64, seeds, bench.seed)
        lines, said = _updates(depths, bench.seed)
        figure = Figure("First-layer gradient on digits, over the weights' norm", Axis("depth", "hidden layers"),
            Axis("‖∇W‖/‖W‖ of the first layer", "per learning rate", True), lines)
        return Outcome(tuple(numbers), figure, said)


def _chain(w: float, layers: int) -> float:
    """d output/d input of a chain σ(w·h − w/2) from h = ½, where every z is 0."""
    x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    h = x
    for _ in range(layers):
        h = torch.sigmoid(w * h - w / 2.0)
    return float(torch.autograd.grad(h, x)[0])


def _network(depth: int, width: int, seeds: int, seed: int) -> list[Number]:
    """The factor on squared gradients under Xavier, and the bound ‖W‖/4 at every layer of one network."""
    sigmoid = activations.get("sigmoid")
    measured = log_factor(nn.Sigmoid, glorot_normal(), width=width, depth=depth, seeds=seeds, seed=seed)
    error = factor_error(sigmoid, maps.q_star(sigmoid, 1.0).q, width=width, depth=depth, seeds=seeds)
    network = plain([width] * (depth + 1), nn.Sigmoid, glorot_normal(), seed=seed, dtype=torch.float64)
    gradient = flow(network, *(gaussian(1, width, name=n, seed=seed) for n in ("x", "g"))).gradient
    norms = [float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) for layer in network if isinstance(layer, nn.Linear)]
    worst = max(math.sqrt(a / b) / (n / 4.0) for a, b, n in zip(gradient, gradient[1:], norms[1:], strict=False))
    exact = math.log(maps.chi_1(sigmoid, 1.0))
    return [
        Number(f"log of the factor on squared gradients per layer, Xavier, {width} wide", measured, exact, error, ERROR, "theory.maps.chi_1: log 0.0557"),
        Number("largest factor of a layer over its bound ‖W‖/4", worst, 1.0, 0.0, "a bound", "max σ′ = 1/4", "≤"),
    ]


def _updates(depths: tuple[int, ...], seed: int) -> tuple[tuple[Series, ...], str]:
    """Relative gradient of the first layer on a batch of digits."""
    data = digits.load()
    found: dict[str, list[float]] = {"sigmoid, Xavier": [], "tanh, Xavier": [], "ReLU, He": []}
    kinds = {"sigmoid, Xavier": (nn.Sigmoid, glorot_normal(), 1.0), "tanh, Xavier": (nn.Tanh, glorot_normal(), 1.0), "ReLU, He": (nn.ReLU, he_normal(),
        2.0**0.5)}
    for name, (act, scheme, gain) in kinds.items():
        for depth in depths:
            model = plain([64] * (depth + 1) + [10], act, scheme, seed=seed, gain=gain)
            loss = nn.functional.cross_entropy(model(data.train_x[:128]), data.train_y[:128])
            (g,) = torch.autograd.grad(loss, [model[0].weight])
            found[name].append(float(g.norm() / model[0].weight.detach().norm()))
    lines = tuple(series(name, depths, values) for name, values in found.items())
    ratio = {name: values[-1] / values[0] for name, values in found.items()}
    return lines, f"From {depths[0]} to {depths[-1]} layers the first layer's relative gradient changes by a factor of " + ", ".join(f"{v:.2g} ({n})" for n,
        v in ratio.items()) + "."
