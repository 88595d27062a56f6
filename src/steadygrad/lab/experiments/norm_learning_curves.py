"""How training and test error of LeNet fall, epoch by epoch, with batch norm and without."""

import copy

from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.lenet import NORMS, Images, images, lenet, test_accuracy, train_epochs
from steadygrad.lab.number import Number
from steadygrad.normalization import calibrate

ARMS = {"batch norm, rate 1.0": ("batch", 1.0), "without, rate 0.9": ("none", 0.9)}
"""The chapter's settings, and those of its LeNet before this chapter."""


class NormLearningCurves(Experiment):
    """The chapter's two LeNets as printed: errors on the way through each epoch, and on the test part after it, statistics calibrated."""

    name = "norm-learning-curves"
    title = "How errors fall with batch norm and without"
    place = "batch normalization, exercise 2"
    items = (77, 78, 85)
    claims = (
        Claim("measured", "With batch norm both errors fall from the first epoch on; sigmoids without it start on a plateau and end higher."),
        Claim("hunch", "That the plateau is the sigmoid's: its slope of a quarter lets little through four layers until weights have grown."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 192, "batch": 16, "epochs": 2},
        "full": {"data": "fashion-mnist", "samples": 60_000, "batch": 256, "epochs": 10},
    }

    def measure(self, bench: Bench, *, data: str, samples: int, batch: int, epochs: int) -> Outcome:
        """Run."""
        given = images(bench, data, samples)
        train, test = {}, {}
        for k, (name, (norm, rate)) in enumerate(ARMS.items()):
            test[name] = list[float]()
            model = lenet(NORMS[norm], seed=bench.seed)

            def look(epoch: int, model: nn.Sequential = model, name: str = name, k: int = k, norm: str = norm) -> None:
                test[name].append(1.0 - _test(model, given, norm != "none"))
                bench.progress(k * epochs + epoch, len(ARMS) * epochs)

            done = train_epochs(model, given.train_x, given.train_y, rate=rate, batch=batch, epochs=epochs, seed=bench.seed, each=look)
            train[name] = [1.0 - e.accuracy for e in done]
        ours, without = ARMS
        reach = 0.11 if data == "fashion-mnist" else 0.75
        numbers = (
            Number("training error over the last epoch, batch norm", train[ours][-1], reach, 0.0, "a bound", "published logs: 0.091 to 0.101", "≤"),
            Number("training error over the last epoch, batch norm less without", train[ours][-1] - train[without][-1], 0.0, 0.0, "a bound",
                "published logs: 0.1 and 0.17", "≤"),
            Number("training error over the first epoch, batch norm less without", train[ours][0] - train[without][0], 0.0, 0.0, "a bound",
                "the plateau", "≤"),
        )  # fmt: skip
        figure = Figure("LeNet: errors", Axis("epoch", "passes"), Axis("error", "share", True), tuple(
            series(f"{part}, {name}", range(1, len(errors[name]) + 1), errors[name], marks=part == "test")
            for name in ARMS for part, errors in (("training", train), ("test", test))))  # fmt: skip
        said = "; ".join(f"{name}: training {' '.join(f'{e:.3f}' for e in train[name])}, test {' '.join(f'{e:.3f}' for e in test[name])}" for name in ARMS)
        return Outcome(numbers, figure, f"Errors by epoch. {said}.")


def _test(model: nn.Sequential, given: Images, normed: bool) -> float:
    known = copy.deepcopy(model)
    if normed:
        calibrate(known, list(given.train_x.split(1000)))
    return test_accuracy(known, given.test_x, given.test_y)
