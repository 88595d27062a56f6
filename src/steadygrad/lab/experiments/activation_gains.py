"""Gains of activations, exact and sampled, and the trap in them: a kept length need not be a stable one."""

import math

from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import ERROR, factor_error, gaussian, log_factor
from steadygrad.schemes import lecun_normal
from steadygrad.theory import activations, finite_width, maps
from steadygrad.theory import gaussian as average

# 1/√E[φ(z)²], z ~ N(0, 1), by an independent quadrature, 7 digits after the point
GOLDEN = {
    "relu": 1.4142136, "leaky_relu": 1.4141429, "tanh": 1.5925374, "sigmoid": 1.8462285, "gelu": 1.5335304, "silu": 1.6765325, "selu": 1.0,
    "elu": 1.2451983, "softplus": 1.0418668, "mish": 1.4868476, "softsign": 2.3375334, "hardtanh": 1.3920361,
}


class ActivationGains(Experiment):
    """Gains from samples through torch's functions; torch's own gain for tanh; lengths over depth under 1/√E[φ²]."""

    name = "activation-gains"
    title = "Gains of twelve activations, and why GELU's and SiLU's do not hold"
    place = "numerical stability, Xavier and beyond"
    items = (39, 40, 41)
    claims = (
        Claim("proven", "The gain 1/√E[φ(z)²] makes q = 1 a fixed point of lengths; it is stable only where χ∥ ≤ 1."),
        Claim("proven", "For GELU and SiLU χ∥ > 1 there: lengths a little below 1 die, above 1 they grow without bound."),
        Claim("measured", "torch's 5/3 for tanh is chaotic, χ₁ = 1.21; torch has no gain for GELU, SiLU, ELU or Mish."),
    )
    settings = {"tiny": {"samples": 40_000, "width": 96, "seeds": 4}, "full": {"samples": 4_000_000, "width": 512, "seeds": 20}}

    def measure(self, bench: Bench, *, samples: int, width: int, seeds: int) -> Outcome:
        """Run."""
        z = gaussian(samples, name="z", seed=bench.seed)
        numbers = []
        for name, golden in GOLDEN.items():
            phi = activations.get(name)
            second = float(getattr(nn.functional, name)(z).square().mean())
            off = 2.0 * golden * math.sqrt(finite_width.fluctuation(phi) / samples)
            numbers += [Number(f"gain of {name}, sampled", second**-0.5, golden, off + 5e-8,
                "4 standard errors of the mean, half of them for the root; 7 digits", "1/√E[φ²] by an independent quadrature")]
            exact = average.forward_gain(phi)
            numbers.append(Number(f"gain of {name}, theory", exact, golden, 6e-8, "7 digits", "1/√E[φ²] by an independent quadrature"))
        tanh, gain = activations.get("tanh"), nn.init.calculate_gain("tanh")
        slope = log_factor(nn.Tanh, lecun_normal(), gain=gain, width=width, depth=20, seeds=seeds, seed=bench.seed, skip=5)
        error = factor_error(tanh, maps.q_star(tanh, gain**2).q, width=width, depth=20, seeds=seeds, skip=5)
        numbers.append(Number("log χ₁ of tanh under torch's gain 5/3", slope, math.log(1.210), error + 0.0005, ERROR + "; χ₁ to 3 digits",
            "1.210, an independent iteration of the length map"))
        lines = []
        for name, start in (("relu", 0.9), ("tanh", 0.9), ("gelu", 0.9), ("gelu", 1.1), ("silu", 0.9), ("silu", 1.1)):
            lengths = _lengths(name, start, 100)
            lines.append(series(f"{name} from q = {start:g}", range(len(lengths)), lengths))
            if name in ("gelu", "silu"):
                low = start < 1.0
                numbers.append(Number(f"length after {len(lengths) - 1} layers, {name} from q = {start:g}", lengths[-1], 0.1 if low else 10.0, 0.0,
                    "a bound: ten times away from 1", "χ∥ > 1 at q = 1", "≤" if low else "≥"))
        numbers.append(Number("length after 100 layers, tanh from q = 0.9", _lengths("tanh", 0.9, 100)[-1], 1.0, 1e-6, "contracts by χ∥ < 0.9 per layer",
            "χ∥ < 1 at q = 1"))
        figure = Figure("Length of a signal under the gain 1/√E[φ²], by the length map", Axis("layer", "layers"), Axis("second moment q", "no unit", True),
            tuple(lines))
        return Outcome(tuple(numbers), figure)


def _lengths(name: str, q: float, layers: int) -> list[float]:
    """q, layer after layer, until it is beyond 1e±9."""
    phi = activations.get(name)
    variance, found = average.forward_gain(phi) ** 2, [q]
    for _ in range(layers):
        q = maps.length_map(phi, variance, 0.0, q)
        found.append(q)
        if not 1e-9 < q < 1e9:
            break
    return found
