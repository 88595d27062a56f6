"""n_in·σ² = 1 keeps signals, n_out·σ² = 1 keeps gradients; Xavier halves the difference."""

import math

import torch

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import Flow, flow, gaussian, plain
from steadygrad.schemes import Scheme, glorot_normal, variance_scaling
from steadygrad.theory.digamma import trigamma
from steadygrad.theory.lyapunov import gaussian_log_growth

PYRAMID = (256, 224, 192, 160, 128, 96, 64, 48, 32)


class XavierDilemma(Experiment):
    """Signals and gradients of a linear pyramid under three scalings."""

    name = "xavier-dilemma"
    title = "Signal or gradient: both cannot be kept where n_in ≠ n_out"
    place = "numerical stability, Xavier initialization"
    items = (33, 34, 46)
    claims = (
        Claim("proven", "A layer multiplies the signal's second moment by n_in·σ² and the gradient's by n_out·σ²: their ratio is fixed by the shape."),
        Claim("proven", "Xavier's factors are 2n_in/(n_in + n_out) and 2n_out/(n_in + n_out): from 256 to 64 they are 1.6 and 0.4."),
        Claim("measured", "Xavier's variance of outputs does depend on n_in when n_out is fixed: the summary's sentence holds for square layers only."),
    )
    settings = {"tiny": {"seeds": 12}, "full": {"seeds": 200}}

    def measure(self, bench: Bench, *, seeds: int) -> Outcome:
        """Run."""
        schemes: dict[str, Scheme] = {"fan_in": variance_scaling(1.0, "fan_in", "normal"), "fan_out": variance_scaling(1.0, "fan_out", "normal"),
            "Xavier": glorot_normal()}
        lines, numbers = [], _one_layer(seeds, bench.seed)
        layers = range(1, len(PYRAMID))
        for name, scheme in schemes.items():
            flows = [_flow(scheme, bench.seed * 1000 + s) for s in range(seeds)]
            stds = [math.sqrt({"fan_in": 1.0 / i, "fan_out": 1.0 / o, "Xavier": 2.0 / (i + o)}[name]) for i, o in zip(PYRAMID, PYRAMID[1:], strict=False)]
            signal = [math.fsum(math.log(f.signal[k]) for f in flows) / seeds for k in range(len(PYRAMID) - 1)]
            gradient = [math.fsum(math.log(f.gradient[k]) for f in flows) / seeds for k in range(len(PYRAMID) - 1)]
            forward = 2.0 * gaussian_log_growth(PYRAMID[1:], stds) + math.log(PYRAMID[0] / PYRAMID[-1])
            backward = 2.0 * gaussian_log_growth(PYRAMID[1:-1], stds[1:]) + math.log(PYRAMID[-1] / PYRAMID[1])
            numbers += [
                Number(f"log of the signal's growth over the pyramid, {name}", signal[-1], forward,
                    4 * math.sqrt(math.fsum(trigamma(n / 2.0) for n in PYRAMID[1:]) / seeds), "4·√(Σ ψ′(n/2)/seeds)", "theory.lyapunov.gaussian_log_growth"),
                Number(f"log of the gradient's growth down to the first layer, {name}", gradient[0], backward,
                    4 * math.sqrt(math.fsum(trigamma(n / 2.0) for n in PYRAMID[1:-1]) / seeds), "4·√(Σ ψ′(n/2)/seeds)",
                    "theory.lyapunov.gaussian_log_growth, the other way"),
            ]
            lines += [series(f"signal, {name}", layers, [math.exp(v) for v in signal]), series(f"gradient, {name}", layers, [math.exp(v) for v in gradient])]
            bench.progress(len(lines) // 2, 3)
        figure = Figure("A linear pyramid from 256 to 32 units: second moments, typical of seeds", Axis("layer", "layers"), Axis("q",
            "times that of the input, or the output gradient", True), tuple(lines))
        return Outcome(tuple(numbers), figure)


def _flow(scheme: Scheme, seed: int) -> Flow:
    """Second moments for an input and an output gradient of second moment 1."""
    network = plain(PYRAMID, None, scheme, seed=seed, bias=False, dtype=torch.float64)
    x, g = (gaussian(1, n, name=name, seed=seed) for n, name in ((PYRAMID[0], "x"), (PYRAMID[-1], "g")))
    return flow(network, x / x.square().mean().sqrt(), g / g.square().mean().sqrt())


def _one_layer(seeds: int, seed: int) -> list[Number]:
    """256 → 64 under Xavier, and its output's variance at two widths of input."""
    forward, backward, narrow = [], [], []
    for s in range(seeds):
        w = plain([256, 64], None, glorot_normal(), seed=seed * 1000 + s, bias=False, dtype=torch.float64)[0].weight.detach()
        v = plain([16, 64], None, glorot_normal(), seed=seed * 1000 + s, bias=False, dtype=torch.float64)[0].weight.detach()
        x, g, u = (gaussian(n, name=name, seed=seed * 1000 + s) for n, name in ((256, "x"), (64, "g"), (16, "u")))
        forward.append(float((w @ x).square().mean() / x.square().mean()))
        backward.append(float((w.T @ g).square().mean() / g.square().mean()))
        narrow.append(float((v @ u).square().mean() / u.square().mean()))
    made = (("signal", forward, 1.6, 64), ("gradient", backward, 0.4, 256))
    return [
        *(Number(f"factor on the {name}, 256 → 64 under Xavier", math.fsum(v) / seeds, e, 4 * e * math.sqrt(2.0 / (n * seeds)),
            "4·√(2/(units·seeds)): χ² draws", "2n/(n_in + n_out)") for name, v, e, n in made),
        Number("factor on the signal, 16 → 64 under Xavier", math.fsum(narrow) / seeds, 0.4, 1.6 * math.sqrt(2.0 / (64 * seeds)), "4·√(2/(64·seeds))",
            "2·16/(16 + 64)"),
    ]
