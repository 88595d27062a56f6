"""The sigmoid and its gradient, as the chapter plots them: 160 points from −8 to 7.9."""

import torch

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.theory import activations

EPS = 2.0**-23
PAPER = "closed form 1/(4·cosh²(x/2)), to 40 digits with mpmath"
GOLDEN = {4.0: 0.017662706213291107, 8.0: 3.3523767075636814e-4}


class SigmoidGradient(Experiment):
    """Autograd's slope of the sigmoid, and where it has gone."""

    name = "sigmoid-gradient"
    title = "The slope of the sigmoid: at most 1/4, and gone outside [−4, 4]"
    place = "numerical stability, vanishing gradients"
    items = (9, 10, 11, 51)
    claims = (
        Claim("proven", "σ′(x) = σ(x)(1 − σ(x)) is at most 1/4, at 0, and falls like e^(−|x|)."),
        Claim("measured", "float32 autograd returns it to a few units in the last place at all 160 points of the chapter's plot."),
        Claim("hunch", "[−4, 4] as the Goldilocks zone is a rule of thumb: at its edge 7 % of the largest slope is left."),
    )
    settings = {"tiny": {}, "full": {}}

    def measure(self, bench: Bench) -> Outcome:
        """Run."""
        x = torch.arange(-8.0, 8.0, 0.1, requires_grad=True)
        y = torch.sigmoid(x)
        y.backward(torch.ones_like(x))
        assert x.grad is not None
        places, slopes = x.detach().double(), x.grad.double()
        exact = torch.from_numpy(activations.get("sigmoid").derivative(places.numpy()))
        at = {value: float(slopes[int((places - value).abs().argmin())]) for value in (-8.0, -4.0, 4.0)}
        rounding = "|x| ≤ 8 is rounded by ≤ 2⁻²² and slopes relatively by no more; σ is rounded by 2⁻²⁴ and loses 1/(1 − σ) of it"
        numbers = [
            Number("points in the plot", len(x), 160, 0.0, "a count", "np.arange(−8, 8, 0.1)"),
            Number("largest slope", float(slopes.max()), 0.25, 4 * EPS, rounding, "σ′(0) = 1/4"),
        ]
        for place, value in at.items():
            golden = GOLDEN[abs(place)]
            numbers.append(Number(f"slope at {place:g}", value, golden, golden * 4 * EPS + (EPS if place > 0 else 0.0), rounding, PAPER))
        worst = float(((slopes - exact).abs() / (4 * EPS * exact + EPS * (places > 0))).max())
        numbers.append(Number("largest error, in units of its bound", worst, 1.0, 0.0, rounding, "theory.activations, float64", "≤"))
        figure = Figure("Sigmoid and its gradient", Axis("pre-activation x", "no unit"), Axis("value", "no unit"), (series("sigmoid", places.tolist(),
            y.detach().tolist(), marks=True), series("gradient", places.tolist(), slopes.tolist())))  # fmt: skip
        left = float(exact[(places.abs() - 4.0).abs().argmin()]) / 0.25
        return Outcome(tuple(numbers), figure, f"At x = ±4 the slope is {left:.1%} of its largest value, at ±8 {GOLDEN[8.0] / 0.25:.2%}.")
