"""Case study 2.1: a weight of 6.74 pushes a sigmoid to z = 14.15, where its slope is 7e-7."""

import math

import torch

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.theory import activations
from steadygrad.theory import gaussian as average

W, X, B, Z = 6.74, 2.0, 0.67, 14.15  # the page gives w and z; its figure, with x and b, is lost: 6.74·2 + 0.67 = 14.15
SLOPE = 7.15702376697335e-7  # σ′(14.15) to 15 digits, mpmath
INPUTS = 64


class LargeWeights(Experiment):
    """The page's neuron in float32 and float64, then layers of such neurons."""

    name = "large-weights"
    title = "Large weights saturate sigmoids: the local gradient is gone"
    place = "model initialization, case 2.1"
    items = (49, 50, 51)
    claims = (
        Claim("proven", "σ′(14.15) = 7.157e-7; the page's 7.08e-7 is σ′(14.16), from a sigmoid rounded to ten digits."),
        Claim("proven", "With q the variance of pre-activations a share erfc(4/√(2q)) of them lies outside [−4, 4]."),
        Claim("measured", "Both hold for real layers within 4 standard errors."),
    )
    settings = {"tiny": {"units": 4000}, "full": {"units": 100_000}}

    def measure(self, bench: Bench, *, units: int) -> Outcome:
        """Run."""
        slopes = {dtype: _slope(dtype) for dtype in (torch.float32, torch.float64)}
        printed = 0.9999992912 * (1.0 - 0.9999992912)
        numbers = [
            Number("σ′ at w = 6.74, x = 2, b = 0.67, float64 autograd", slopes[torch.float64], SLOPE, 2.0**-53, "1 − σ is rounded by 2⁻⁵⁴, z by less",
                "closed form, mpmath"),
            Number("the same in float32", slopes[torch.float32], SLOPE, 2.0**-25 + 2.0**-21 * SLOPE, "σ near 1 is rounded by 2⁻²⁵, z = 14.15 by 2⁻²¹",
                "closed form, mpmath"),
            Number("where the page's printed slope belongs: z", math.log((1.0 - printed) / printed), 14.16, 0.005, "z = 14.16 is rounded to ±0.005",
                "σ′(z) ≈ 1 − σ(z) = 7.088e-7"),
            Number("exact slope at 14.15 over the page's 7.08e-7", slopes[torch.float64] / 7.08e-7, SLOPE / 7.08e-7, 1e-6, "float64",
                "1.0109: off by 1 %, not by rounding"),
        ]
        sigmoid, stds = activations.get("sigmoid"), [0.02, 0.05, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, W]
        x = gaussian(INPUTS, name="x", seed=bench.seed)
        x = x * math.sqrt(INPUTS) / x.norm()
        unit = gaussian(units, INPUTS, name="w", seed=bench.seed) @ x
        outside, steep, theory_outside, theory_steep = [], [], [], []
        for std in stds:
            q, z = INPUTS * std**2, unit * std
            slope = torch.sigmoid(z) * torch.sigmoid(-z)
            outside.append(float((z.abs() > 4.0).double().mean()))
            steep.append(float(slope.square().mean()) * 16.0)
            theory_outside.append(math.erfc(4.0 / math.sqrt(2.0 * q)))
            theory_steep.append(average.slope_moment(sigmoid, q) * 16.0)
            if std in (0.125, 1.0, W):
                p, spread = theory_outside[-1], 16.0 * math.sqrt(max(average.slope_moment(sigmoid, q, 4) - (theory_steep[-1] / 16.0) ** 2, 0.0))
                numbers += [
                    Number(f"share of units outside [−4, 4], weights N(0, {std:g}²)", outside[-1], p, 4 * math.sqrt(p * (1.0 - p) / units) + 1.0 / units,
                        "4·√(p(1 − p)/units), and one unit", "erfc(4/√(2q)), q = 64·σ²"),
                    Number(f"mean of (4σ′)², weights N(0, {std:g}²)", steep[-1], theory_steep[-1], 4 * spread / math.sqrt(units),
                        "4 standard errors, from E[σ′⁴]", "theory.gaussian.slope_moment"),
                ]
        figure = Figure("Sigmoid units with 64 inputs of variance 1", Axis("standard deviation of the weights", "no unit", True),
            Axis("share, or square of slope over the largest slope", "no unit"), (series("outside [−4, 4]", stds, outside, line=False),
            series("theory: outside", stds, theory_outside, marks=False), series("mean of (4σ′)²", stds, steep, line=False), series("theory: (4σ′)²", stds,
            theory_steep, marks=False)))
        return Outcome(tuple(numbers), figure,
            f"The page's L′ = 9e-7 asks for an upstream gradient times x of {9e-7 / SLOPE:.2f}; its figure, which would give them, was not supplied.")


def _slope(dtype: torch.dtype) -> float:
    w = torch.tensor(W, dtype=dtype, requires_grad=True)
    z = w * X + B
    (gradient,) = torch.autograd.grad(torch.sigmoid(z), z)
    return float(gradient)
