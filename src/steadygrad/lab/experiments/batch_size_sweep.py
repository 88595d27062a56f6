"""Batch norm over batch sizes: nothing can be learned from one sample, two become ±1, and what more of them bring."""

import math

import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian, plain
from steadygrad.lab.sweep import sweep
from steadygrad.lab.training import accuracy, train
from steadygrad.normalization import BatchNorm, calibrate
from steadygrad.schemes import he_normal

EPS = 1e-5


class BatchSizeSweep(Experiment):
    """Two hidden layers with batch norm on digits, as many samples seen at every batch size, the rate in proportion to √batch."""

    name = "batch-size-sweep"
    title = "Batch norm at batch sizes from 1 to 1024"
    place = "batch normalization, training deep networks"
    items = (63, 66)
    claims = (
        Claim("proven", "One value per channel normalizes to 0, whatever it is: no signal, no gradient; ours refuses it with an error."),
        Claim("proven", "Two values per channel normalize to ±1 up to eps: only which is larger is left."),
        Claim("hunch", "That batches of 50 to 100 are best: here the accuracy is flat from some ten samples on."),
    )
    settings = {
        "tiny": {"batches": (2, 16), "samples": 800, "seeds": 1},
        "full": {"batches": (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024), "samples": 60_000, "seeds": 3},
    }

    def measure(self, bench: Bench, *, batches: tuple[int, ...], samples: int, seeds: int) -> Outcome:
        """Run."""
        cells = [(batch, samples, s) for batch in batches for s in range(bench.seed * seeds, bench.seed * seeds + seeds)]
        flat = sweep(trained, cells, bench.progress)
        found = [[math.fsum(each[k] for each in flat[i * seeds : (i + 1) * seeds]) / seeds for k in (0, 1)] for i in range(len(batches))]
        calibrated = [test for _, test in found]
        error = 4.0 * math.sqrt(0.05 * 0.95 / (360 * seeds))
        x = gaussian(2, 50, name="pair", seed=bench.seed)
        pair = BatchNorm(50, EPS).double()(x).detach()
        exact = (x - x.mean(0)) / ((x[0] - x[1]).square() / 4.0 + EPS).sqrt()
        half = (x[0] - x[1]).abs() / 2.0
        numbers = [
            Number("a batch of one is refused in train mode", float(_refuses()), 1.0, 0.0, "yes or no", "one value per channel"),
            Number("largest |output| of a batch of two", float(pair.abs().max()), 1.0, 0.0, "a bound", "d/√(d² + eps), d half the difference", "≤"),
            Number("largest difference of a batch of two from ±d/√(d² + eps)", float(torch.maximum((pair - exact).abs().max(),
                (pair.abs()[0] - half / (half.square() + EPS).sqrt()).abs().max())), 0.0, 1e-13, "float64", "the formula"),
            Number("test accuracy at the largest batch, over that at a batch of two", calibrated[-1] - calibrated[0], 0.0, error,
                "4·√(p(1 − p)/n) at p = 0.95", "two samples leave signs only", "≥"),
        ]  # fmt: skip
        figure = Figure("Test accuracy over batch size, digits", Axis("batch", "samples", True), Axis("test accuracy", "share"), (
            series("running statistics", batches, [stale for stale, _ in found]), series("calibrated statistics", batches, calibrated)))  # fmt: skip
        best = batches[max(range(len(batches)), key=calibrated.__getitem__)]
        table = "; ".join(f"{b}: {stale:.3f}, {test:.3f}" for b, (stale, test) in zip(batches, found, strict=True))
        return Outcome(tuple(numbers), figure, f"Best at {best}, with an error of ±{error / 4:.3f} each. Batch: running, calibrated: {table}.")


def trained(cell: tuple[int, int, int]) -> tuple[float, float]:
    """Test accuracy with running and with calibrated statistics."""
    batch, samples, seed = cell
    data = digits.load()
    a, b, c = plain([64, 64, 64, 10], None, he_normal(), seed=seed)
    model = nn.Sequential(a, BatchNorm(64, EPS), nn.ReLU(), b, BatchNorm(64, EPS), nn.ReLU(), c)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02 * math.sqrt(batch / 16.0), momentum=0.9)
    train(model, data.train_x, data.train_y, optimizer, max(samples // batch, 10), batch=batch, seed=seed)
    stale = accuracy(model, data.test_x, data.test_y)
    calibrate(model, [data.train_x], method="sequential")
    return stale, accuracy(model, data.test_x, data.test_y)


def _refuses() -> bool:
    try:
        BatchNorm(3)(torch.zeros(1, 3))
    except InputError:
        return True
    return False
