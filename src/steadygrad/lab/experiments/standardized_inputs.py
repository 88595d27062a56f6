"""Why inputs are standardized: the condition number, on a bundled table of houses."""

import math
from importlib.resources import files

import numpy as np
import torch
from torch import nn

from steadygrad import check
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import plain
from steadygrad.schemes import he_normal

NEAR = 1.01  # within 1 % of the least loss


class StandardizedInputs(Experiment):
    """Gradient descent for linear regression on 506 houses with five features, raw and standardized."""

    name = "standardized-inputs"
    title = "Standardized inputs: gradient descent in tens of steps instead of billions"
    place = "batch normalization, training deep networks"
    items = (38, 58)
    claims = (
        Claim("proven",
            "Gradient descent on a quadratic shrinks each eigen-direction by (1 − ηλ)² per step: the condition number decides the number of steps."),
        Claim("proven", "The condition number of raw features is at least the ratio of the largest to the smallest of their second moments."),
        Claim("measured", "Descent follows the formula to rounding; `check` names the raw inputs' scale and is silent on the standardized ones."),
    )
    settings = {"tiny": {"steps": 60}, "full": {"steps": 3000}}

    def measure(self, bench: Bench, *, steps: int) -> Outcome:
        """Run."""
        table = houses()
        x, y = table[:, :-1], (table[:, -1:] - table[:, -1].mean()) / table[:, -1].std()
        versions = {"raw": x, "standardized": (x - x.mean(0)) / x.std(0)}
        numbers, lines, needed = [], [], {}
        for name, features in versions.items():
            design = torch.cat([features, torch.ones(len(x), 1, dtype=torch.float64)], 1)
            curve, formula, least, values = _descend(design, y, steps)
            numbers.append(Number(f"largest relative error of the formula for the loss, {name}", max(abs(c / f - 1.0) for c, f in zip(curve, formula,
                strict=True)), 0.0, 1e-6, "float64 rounding of 1e-16 times condition numbers up to 1e10", "Σ c_i (1 − ηλ_i)^{2t}"))
            condition = float(values[-1] / values[0])
            squares = design.square().mean(0)
            numbers.append(Number(f"condition number, {name}", condition, float(squares.max() / squares.min()), 0.0, "a bound",
                "largest over smallest second moment of a feature", "≥"))
            needed[name] = _steps(values, least, formula[0], design, y)
            lines.append(series(name, range(1, steps + 2), [v / least for v in curve]))
            found = check(plain([5, 32, 1], nn.ReLU, he_normal(), seed=bench.seed, gain=math.sqrt(2.0)), features[:256].float(), y[:256].float(),
                nn.functional.mse_loss)
            fires = any(f.slug == "input-scale" or any(s.slug == "input-scale" for s in f.symptoms) for f in found.findings)
            numbers.append(Number(f"`check` says input-scale, {name}", float(fires), float(name == "raw"), 0.0, "yes or no", "rule D102"))
            expected = 2.0 * float(features[:256].square().mean())
            first = next(row for row in found.layers if row.where == "0").q
            numbers.append(Number(f"second moment behind the first layer, {name}", math.nan if first is None else first, expected, 0.75 * expected,
                "3 standard deviations of 32 drawn units, √(2/32) at most", "2 E[x²], He's variance"))
        numbers.append(Number("steps to within 1 % of the least loss, standardized", needed["standardized"], needed["raw"] / 1e6, 0.0,
            "a bound: a millionth", "steps on raw inputs, by the formula", "≤"))
        figure = Figure("Linear regression on 506 made-up houses, rate 1/λ_max", Axis("step + 1", "updates", True), Axis("loss over the least loss",
            "no unit", True),
            tuple(lines))
        return Outcome(tuple(numbers), figure,
            f"Within 1 % of the least loss after {needed['standardized']:,.0f} steps on standardized inputs, {needed['raw']:.2g} on raw ones.")


def houses() -> torch.Tensor:
    """The bundled table, (506, 6): five features and the price. Made up, by a seeded generator."""
    with (files("steadygrad.lab") / "data" / "houses.csv").open(encoding="utf-8") as file:
        return torch.from_numpy(np.loadtxt(file, delimiter=",", comments="#", skiprows=2)).clone()  # aligned as torch does: same bits every time


def _descend(design: torch.Tensor, y: torch.Tensor, steps: int) -> tuple[list[float], list[float], float, torch.Tensor]:
    """Losses of gradient descent, the same by the formula, the least loss, and the eigenvalues of the Hessian."""
    n = len(design)
    hessian, linear = design.T @ design / n, design.T @ y / n
    values, vectors = torch.linalg.eigh(hessian)
    rate, best = 1.0 / float(values[-1]), _least_squares(design, y)
    least = 0.5 * float((design @ best - y).square().mean())
    start = (vectors.T @ best)[:, 0].square() * values / 2.0
    w, curve, formula = torch.zeros_like(best), [], []
    for t in range(steps + 1):
        curve.append(0.5 * float((design @ w - y).square().mean()))
        formula.append(least + float((start * (1.0 - rate * values) ** (2 * t)).sum()))
        w = w - rate * (hessian @ w - linear)
    return curve, formula, least, values


def _steps(values: torch.Tensor, least: float, first: float, design: torch.Tensor, y: torch.Tensor) -> float:
    """Steps until the loss is within 1 % of the least, by the formula and bisection."""
    best = _least_squares(design, y)
    start = (torch.linalg.eigh(design.T @ design / len(design)).eigenvectors.T @ best)[:, 0].square() * values / 2.0
    shrink = torch.log1p(-values / values[-1] + 1e-300)
    low, high = 0.0, math.log(1e30)
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        left = float((start * torch.exp(2.0 * math.exp(middle) * shrink)).sum())
        low, high = (middle, high) if left > (NEAR - 1.0) * least else (low, middle)
    return math.exp(high)


def _least_squares(design: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """By QR: torch.linalg.lstsq gives other last bits from call to call."""
    q, r = torch.linalg.qr(design)
    return torch.linalg.solve_triangular(r, q.T @ y, upper=True)
