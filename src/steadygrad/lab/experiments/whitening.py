"""Beyond variances: whitening all correlations, blocks of them, and the probability integral transform."""

import math

import torch
from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian, plain
from steadygrad.lab.training import accuracy, train
from steadygrad.normalization import BatchNorm, IterativeWhitening, ProbabilityNorm
from steadygrad.schemes import he_normal

CHANNELS = 16


class Whitening(Experiment):
    """Correlated features through each norm; then two-layer networks on digits with each in both places."""

    name = "whitening"
    title = "Full covariance and the probability integral transform instead of batch norm"
    place = "batch normalization, exercise 7"
    items = (91, 92, 97)
    claims = (
        Claim("proven", "Batch norm leaves correlations; whitening removes them, in blocks or all; the transform makes every channel uniform or Gaussian."),
        Claim("proven", "n samples estimate d variances to √(2/n), but d × d covariances only for n ≫ d: at n < d the smallest eigenvalues are 0."),
        Claim("measured", "On digits networks with either train about as well as with batch norm."),
    )
    settings = {"tiny": {"samples": 512, "width": 16, "steps": 40, "reach": 0.5}, "full": {"samples": 8192, "width": 32, "steps": 400, "reach": 0.9}}

    def measure(self, bench: Bench, *, samples: int, width: int, steps: int, reach: float) -> Outcome:
        """Run."""
        mixing = gaussian(CHANNELS, CHANNELS, name="mixing", seed=bench.seed) / math.sqrt(CHANNELS) + torch.eye(CHANNELS, dtype=torch.float64)
        x = gaussian(samples, CHANNELS, name="x", seed=bench.seed) @ mixing.T
        with torch.no_grad():
            normed = BatchNorm(CHANNELS).double()(x)
            full = IterativeWhitening(CHANNELS, CHANNELS, steps=24, eps=1e-10).double()(x)
            blocks = _covariance(IterativeWhitening(CHANNELS, 4, steps=24, eps=1e-10).double()(x))
            uniform = ProbabilityNorm(CHANNELS, "uniform").double()(x.exp())
        inside = torch.block_diag(*[torch.ones(4, 4)] * (CHANNELS // 4)).bool()
        eye = torch.eye(CHANNELS, dtype=torch.float64)
        few = gaussian(CHANNELS // 2, CHANNELS, name="few", seed=bench.seed)
        smallest = float(torch.linalg.eigvalsh(_covariance(few))[0])
        tests = {name: _trained(make, width, steps, bench) for name, make in {
            "batch norm": BatchNorm, "whitening": lambda n: IterativeWhitening(n, n, shrinkage=None),
                "whitening in blocks of 4": lambda n: IterativeWhitening(n, 4),
            "probability transform": ProbabilityNorm}.items()}  # fmt: skip
        numbers = [
            Number("largest correlation that batch norm leaves", float((_covariance(normed) - eye).abs().max()), 0.1, 0.0, "a bound",
                "features were mixed", "≥"),
            Number("largest |Cov − I| after whitening", float((_covariance(full) - eye).abs().max()), 0.0, 1e-3, "a bound", "Σ^(−1/2)·Σ·Σ^(−1/2) = I"),
            Number("the same inside blocks of 4", float((blocks - eye)[inside].abs().max()), 0.0, 1e-3, "a bound", "block-diagonal covariance"),
            Number("largest correlation between blocks", float(blocks[~inside].abs().max()), 0.05, 0.0, "a bound", "blocks do not see each other", "≥"),
            Number("Kolmogorov's distance of the transform of e^x from uniform", _distance(uniform), 0.0, 1.63 / math.sqrt(samples) + 1.0 / 32.0,
                "its 99 % point, 1.63/√n, and the spacing of 33 quantiles", "F(X) is uniform"),
            Number("smallest eigenvalue of the covariance of d/2 samples", smallest, 0.0, 1e-12, "float64", "rank at most n − 1"),
            *(Number(f"test accuracy, {name}", value, reach, 0.0, "a bound", "it trains", "≥") for name, value in tests.items()),
        ]  # fmt: skip
        sizes = [CHANNELS * 2**k for k in range(0, 7)]
        condition = [float(torch.linalg.cond(_covariance(gaussian(n, CHANNELS, name=f"n{n}", seed=bench.seed)))) for n in sizes]
        edge = [((1 + math.sqrt(CHANNELS / n)) / (1 - math.sqrt(CHANNELS / n))) ** 2 if n > CHANNELS else math.nan for n in sizes]
        figure = Figure(f"Condition number of the covariance of {CHANNELS} independent features", Axis("batch over channels", "samples per channel", True),
            Axis("condition number", "no unit", True), (series("measured", [n / CHANNELS for n in sizes], condition),
            series("Marchenko–Pastur", [n / CHANNELS for n in sizes], edge, marks=False)))  # fmt: skip
        return Outcome(tuple(numbers), figure, "; ".join(f"{name}: {value:.3f}" for name, value in tests.items()) + ".")


def _covariance(x: torch.Tensor) -> torch.Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / len(x)


def _distance(x: torch.Tensor) -> float:
    """Largest over channels of sup |F_n − F|, F uniform on [0, 1]."""
    ordered, n = x.sort(0).values, len(x)
    steps = torch.arange(n, dtype=x.dtype)[:, None]
    return float(torch.maximum((steps + 1) / n - ordered, ordered - steps / n).max())


def _trained(norm: object, width: int, steps: int, bench: Bench) -> float:
    data = digits.load()
    a, b, c = plain([64, width, width, 10], None, he_normal(), seed=bench.seed)
    model = nn.Sequential(a, norm(width), nn.ReLU(), b, norm(width), nn.ReLU(), c)  # type: ignore[operator]
    train(model, data.train_x, data.train_y, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), steps, seed=bench.seed)
    return accuracy(model, data.test_x, data.test_y)
