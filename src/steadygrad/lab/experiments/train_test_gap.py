"""Train and test: what a network can memorize, and how far dropout and batch normalization close the gap."""

import torch
from torch import nn

from steadygrad import draw_
from steadygrad.lab import digits, fashion_mnist
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.training import accuracy, guess_error, guessing, train
from steadygrad.normalization import BatchNorm
from steadygrad.schemes import he_normal

RATE = 0.02


class TrainTestGap(Experiment):
    """A ReLU network on few images with true and with shuffled labels; the same with dropout and with batch norm at several batch sizes."""

    name = "train-test-gap"
    title = "Networks memorize: the gap between training and test accuracy"
    place = "batch normalization, training deep networks"
    items = (27, 60)
    claims = (
        Claim("measured", "The network learns shuffled labels by heart, and tests no better than guessing: its capacity suffices to overfit."),
        Claim("measured", "With true labels the gap is what training accuracy exceeds test accuracy by, given for each variant and batch size."),
        Claim("hunch", "That batch normalization regularizes, the more the smaller the batch: one data set and a few seeds do not settle it."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 150, "width": 96, "steps": 90, "batches": (32,)},
        "full": {"data": "fashion-mnist", "samples": 2000, "width": 256, "steps": 1500, "batches": (16, 64, 256)},
    }

    def measure(self, bench: Bench, *, data: str, samples: int, width: int, steps: int, batches: tuple[int, ...]) -> Outcome:
        """Run."""
        images = fashion_mnist.load(bench.data) if data == "fashion-mnist" else digits.load()
        x, y = images.train_x[:samples].flatten(1), images.train_y[:samples]
        test_x, test_y = images.test_x.flatten(1), images.test_y
        shuffled = y[torch.randperm(samples, generator=torch.Generator().manual_seed(bench.seed))]
        memory = _network(x.shape[1], width, "plain", bench.seed)
        train(memory, x, shuffled, torch.optim.SGD(memory.parameters(), lr=RATE, momentum=0.9), 2 * steps, batch=64)
        gaps: dict[str, list[float]] = {}
        said = []
        for kind in ("plain", "dropout", "batch norm"):
            gaps[kind] = []
            for batch in batches:
                model = _network(x.shape[1], width, kind, bench.seed)
                torch.manual_seed(bench.seed)
                train(model, x, y, torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9), steps, batch=batch)
                inside, outside = accuracy(model, x, y), accuracy(model, test_x, test_y)
                gaps[kind].append(inside - outside)
                said.append(f"{kind} at batch {batch}: {inside:.1%} and {outside:.1%}")
            bench.progress(len(gaps), 3)
        numbers = (
            Number("training accuracy on shuffled labels", accuracy(memory, x, shuffled), 0.99, 0.0, "a bound", "memorization", "≥"),
            Number("test accuracy after shuffled labels", accuracy(memory, test_x, test_y), guessing(test_y),
                guess_error(test_y) + 4 * (samples**-0.5) * 0.3,
                "4·√(p(1 − p)/n) of the test set, and 4·√(0.09/samples) for chance agreement of labels with classes", "labels say nothing about images", "≤"),
            Number("smallest gap with true labels, plain", min(gaps["plain"]), 0.0, guess_error(test_y), "4·√(p(1 − p)/n) of the test set",
                "training accuracy is optimistic", "≥"),
        )
        figure = Figure(f"Training minus test accuracy, {samples} images of {data}", Axis("batch size", "images", True), Axis("gap", "share"),
            tuple(series(k, batches, v) for k, v in gaps.items()))
        return Outcome(numbers, figure, "Training and test accuracy, " + "; ".join(said) + ".")


def _network(inputs: int, width: int, kind: str, seed: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k, (fan_in, fan_out) in enumerate(((inputs, width), (width, width), (width, 10))):
        layer = nn.Linear(fan_in, fan_out)
        draw_(layer.weight, he_normal(), name=f"{k}.weight", seed=seed, gain=2.0**0.5 if k < 2 else 1.0)
        nn.init.zeros_(layer.bias)
        layers.append(layer)
        if k < 2:
            layers += [BatchNorm(width)] if kind == "batch norm" else []
            layers += [nn.ReLU()]
            layers += [nn.Dropout(0.5)] if kind == "dropout" else []
    return nn.Sequential(*layers)
