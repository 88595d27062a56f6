"""Dropout, batch norm, both, or neither: the gap between training and test."""

import math

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.lenet import Trial, trial
from steadygrad.lab.number import Number
from steadygrad.lab.sweep import sweep

ARMS = {"neither": ("none", 0.0), "dropout": ("none", 0.5), "batch norm": ("batch", 0.0), "both": ("batch", 0.5)}


class NormOrDropout(Experiment):
    """ReLU LeNet on few samples for many epochs, so that there is something to regularize."""

    name = "norm-or-dropout"
    title = "Can batch norm replace dropout?"
    place = "batch normalization, exercise 4"
    items = (60, 88, 96)
    claims = (
        Claim("measured", "As a regularizer it does not: with batch norm alone the training part is learned by heart; dropout narrows the gap."),
        Claim("measured", "For test accuracy it may: batch norm reaches what dropout does within the error, in fewer steps."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 128, "batch": 16, "epochs": 3, "seeds": 1, "rate": 0.1},
        "full": {"data": "fashion-mnist", "samples": 3000, "batch": 64, "epochs": 25, "seeds": 3, "rate": 0.1},
    }

    def measure(self, bench: Bench, *, data: str, samples: int, batch: int, epochs: int, seeds: int, rate: float) -> Outcome:
        """Run."""
        cells = [Trial(data, bench.data, samples, rate, batch, epochs, s, norm, activation="relu", dropout=p)
            for norm, p in ARMS.values() for s in range(bench.seed * seeds, bench.seed * seeds + seeds)]  # fmt: skip
        flat = sweep(trial, cells, bench.progress)
        train, test = ({name: math.fsum(getattr(t, part) for t in flat[k * seeds : (k + 1) * seeds]) / seeds for k, name in enumerate(ARMS)}
            for part in ("train", "test"))  # fmt: skip
        gap = {name: train[name] - test[name] for name in ARMS}
        count = 360 if data == "digits" else 10_000
        error = 4.0 * math.sqrt(0.25 / (count * seeds)) + 4.0 * math.sqrt(0.25 / (samples * seeds))
        numbers = (
            Number("gap with dropout and batch norm, under that with batch norm alone", gap["both"] - gap["batch norm"], 0.0, error,
                "4·√(¼/n) of both parts", "dropout regularizes", "≤"),
            Number("test accuracy with batch norm, over neither", test["batch norm"] - test["neither"], 0.0, error, "4·√(¼/n) of both parts",
                "the chapter", "≥"),
        )  # fmt: skip
        at = list(range(len(ARMS)))
        figure = Figure(f"LeNet on {samples:,} samples", Axis("what it has", "case", names=tuple(ARMS)),
            Axis("accuracy, eval mode", "share"), (series("training part", at, list(train.values()), line=False), series("test part", at,
                list(test.values()), line=False)))  # fmt: skip
        return Outcome(numbers, figure, "; ".join(f"{name}: {train[name]:.3f} and {test[name]:.3f}, gap {gap[name]:.3f}" for name in ARMS) + ".")
