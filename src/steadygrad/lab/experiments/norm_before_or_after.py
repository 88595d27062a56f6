"""Batch norm before the activation, as the chapter has it, or after."""

import math

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.lenet import Trial, trial
from steadygrad.lab.number import Number
from steadygrad.lab.sweep import sweep


class NormBeforeOrAfter(Experiment):
    """Sigmoid and ReLU LeNets, the norm on either side."""

    name = "norm-before-or-after"
    title = "Batch norm before or after the activation"
    place = "batch normalization, fully connected layers"
    items = (69,)
    claims = (
        Claim("measured", "Both places train, with sigmoid and with ReLU."),
        Claim("hunch", "Which is better: published answers differ, and so do these within a few errors."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 192, "batch": 16, "epochs": 2, "seeds": 1, "reach": 0.2},
        "full": {"data": "fashion-mnist", "samples": 12_000, "batch": 64, "epochs": 4, "seeds": 3, "reach": 0.75},
    }

    def measure(self, bench: Bench, *, data: str, samples: int, batch: int, epochs: int, seeds: int, reach: float) -> Outcome:
        """Run."""
        arms = [(activation, after) for activation in ("sigmoid", "relu") for after in (False, True)]
        cells = [Trial(data, bench.data, samples, 0.3, batch, epochs, s, activation=activation, after=after)
            for activation, after in arms for s in range(bench.seed * seeds, bench.seed * seeds + seeds)]  # fmt: skip
        flat = sweep(trial, cells, bench.progress)
        test = {f"{a}, {'after' if after else 'before'}": math.fsum(t.test for t in flat[k * seeds : (k + 1) * seeds]) / seeds for k, (a,
            after) in enumerate(arms)}
        numbers = tuple(Number(f"test accuracy, {name}", value, reach, 0.0, "a bound", "it trains", "≥") for name, value in test.items())
        at = list(range(len(arms)))
        figure = Figure("LeNet with batch norm on either side of the activation", Axis("activation, and where its norm stands", "case", names=tuple(test)),
            Axis("test accuracy", "share"), (series("mean over seeds", at, list(test.values()), line=False),))  # fmt: skip
        error = math.sqrt(0.25 / ((360 if data == "digits" else 10_000) * seeds))
        return Outcome(numbers, figure, "; ".join(f"{name}: {value:.3f}" for name, value in test.items()) + f", each ± {error:.3f} from the test part alone.")
