"""Which learning rates train LeNet, with batch norm and without."""

import math

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.lenet import Trial, Tried, trial
from steadygrad.lab.number import Number
from steadygrad.lab.sweep import sweep

LEARNS = 0.5


class NormLearningRates(Experiment):
    """Sigmoid LeNet, SGD, rates from 0.01 to 100; a rate trains when training accuracy passes one half."""

    name = "norm-learning-rates"
    title = "The learning rates that train, with and without batch norm"
    place = "batch normalization, exercise 2"
    items = (65, 78, 85)
    claims = (
        Claim("measured", "With batch norm rates over more decades train, smaller and larger ones."),
        Claim("proven", "Scaling a normed layer's weights changes nothing: its rate adapts itself, weights grow until steps are small enough."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 192, "batch": 16, "epochs": 3, "rates": (0.3, 3.0)},
        "full": {"data": "fashion-mnist", "samples": 12_000, "batch": 64, "epochs": 4, "rates": tuple(10.0 ** (k / 2.0) for k in range(-4, 5))},
    }

    def measure(self, bench: Bench, *, data: str, samples: int, batch: int, epochs: int, rates: tuple[float, ...]) -> Outcome:
        """Run."""
        arms = ("batch", "none")
        cells = [Trial(data, bench.data, samples, rate, batch, epochs, bench.seed, norm) for norm in arms for rate in rates]
        flat = sweep(trial, cells, bench.progress)
        found = {norm: flat[k * len(rates) : (k + 1) * len(rates)] for k, norm in enumerate(arms)}
        decades = {norm: _decades(rates, tried) for norm, tried in found.items()}
        largest = {norm: max((r for r, t in zip(rates, tried, strict=True) if t.train >= LEARNS), default=0.0) for norm, tried in found.items()}
        numbers = (
            Number("decades of rates that train, with over without batch norm", decades["batch"] - decades["none"], 0.0, 0.0, "a count of grid steps",
                "the chapter: considerably larger rates", "≥"),
            Number("largest rate that trains with batch norm", largest["batch"], largest["none"], 0.0, "on the same grid", "the largest without", "≥"),
            Number("best training accuracy with batch norm", max(t.train for t in found["batch"]), LEARNS, 0.0, "a bound", "it trains at all", "≥"),
        )  # fmt: skip
        figure = Figure("LeNet: training accuracy over the learning rate", Axis("learning rate", "no unit", True), Axis("accuracy, eval mode", "share"), tuple(
            series(f"{part}, {'batch norm' if norm == 'batch' else 'without'}", rates, [getattr(t, part) for t in tried], line=True, marks=part == "test")
            for norm, tried in found.items() for part in ("train", "test")))  # fmt: skip
        return Outcome(numbers, figure, "; ".join(f"{norm}: {decades[norm]:.1f} decades, up to {largest[norm]:.3g}" for norm in arms) + ".")


def _decades(rates: tuple[float, ...], tried: list[Tried]) -> float:
    step = math.log10(rates[1] / rates[0])
    return step * sum(t.train >= LEARNS for t in tried)
