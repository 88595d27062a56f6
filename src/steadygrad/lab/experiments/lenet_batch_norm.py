"""The chapter's LeNet with batch norm: three implementations, its published accuracy, and what calibration does for the test."""

import copy

import torch
from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.lenet import Epoch, Images, images, lenet, test_accuracy, train_epochs
from steadygrad.lab.number import Number
from steadygrad.normalization import BatchNorm, calibrate
from steadygrad.normalization.functional.batch import chapter_batch_norm

EPS, MOMENTUM = 1e-5, 0.9


class FromScratch(nn.Module):
    """The chapter's layer: a function for the math, a class for the bookkeeping. The moving variance starts at 1."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(features)), nn.Parameter(torch.zeros(features))
        self.register_buffer("moving_mean", torch.zeros(features))
        self.register_buffer("moving_var", torch.ones(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalized; moves the statistics in train mode."""
        y, mean, var = chapter_batch_norm(x, self.gamma, self.beta, self.moving_mean, self.moving_var, EPS, MOMENTUM, training=self.training)
        self.moving_mean, self.moving_var = mean.detach(), var.detach()
        return y


class LenetBatchNorm(Experiment):
    """Sigmoid, learning rate 1.0, batches of 256, ten epochs, as printed; test accuracy after every epoch with running and with calibrated statistics."""

    name = "lenet-batch-norm"
    title = "LeNet with batch normalization, three times the same; stale statistics and calibrated ones"
    place = "batch normalization, implementation from scratch and concise implementation"
    items = (67, 68, 72, 73, 74, 76, 77, 79, 80)
    claims = (
        Claim("proven", "From scratch, our layer and torch's are one function; conventions of momentum and variance convert exactly."),
        Claim("measured", "Training accuracy is at least the published 0.89; published test accuracies scatter from 0.71 to 0.88."),
        Claim("measured", "That scatter is stale running statistics: with the population's the test accuracy is the same for every seed."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 320, "rate": 1.0, "batch": 32, "epochs": 2, "seeds": 1, "train_reach": 0.25, "test_reach": 0.25},
        "full": {"data": "fashion-mnist", "samples": None, "rate": 1.0, "batch": 256, "epochs": 10, "seeds": 5, "train_reach": 0.89, "test_reach": 0.87},
    }

    def measure(
        self, bench: Bench, *, data: str, samples: int | None, rate: float, batch: int, epochs: int, seeds: int, train_reach: float, test_reach: float
    ) -> Outcome:  # fmt: skip
        """Run."""
        given = images(bench, data, samples)
        numbers = _agreement(given, bench.seed)
        stale, fresh, trained = list[list[float]](), list[list[float]](), list[Epoch]()
        for seed in range(bench.seed * seeds, bench.seed * seeds + seeds):
            model = lenet(lambda n: BatchNorm(n, EPS, MOMENTUM, momentum_of="old", variance="biased"), seed=seed)
            stale.append([])
            fresh.append([])

            def look(epoch: int, model: nn.Sequential = model) -> None:
                stale[-1].append(test_accuracy(model, given.test_x, given.test_y))
                known = copy.deepcopy(model)
                calibrate(known, list(given.train_x.split(1000)), method="sequential" if epoch == epochs else "one_pass")
                fresh[-1].append(test_accuracy(known, given.test_x, given.test_y))
                bench.progress((len(stale) - 1) * epochs + epoch, seeds * epochs)

            trained.append(train_epochs(model, given.train_x, given.train_y, rate=rate, batch=batch, epochs=epochs, seed=seed, each=look)[-1])
        last = torch.tensor([row[-1] for row in fresh])
        numbers += [
            Number("training accuracy over the last epoch, worst seed", min(e.accuracy for e in trained), train_reach, 0.0, "a bound", "published logs", "≥"),
            Number("test accuracy with calibrated statistics, worst seed", float(last.min()), test_reach, 0.0, "a bound", "published: 0.71 to 0.88", "≥"),
        ]
        if seeds > 1:
            numbers.append(Number("its standard deviation over seeds", float(last.std()), 0.01, 0.0, "a bound", "one in a hundred", "≤"))
        count = list(range(1, epochs + 1))
        first = next(layer for layer in model if isinstance(layer, BatchNorm))
        figure = Figure("LeNet with batch norm: test accuracy", Axis("epoch", "passes"), Axis("test accuracy", "share"), (
            *(series(f"running statistics, seed {k}", count, row, marks=False) for k, row in enumerate(stale[:3])),
            *(series(f"calibrated, seed {k}", count, row) for k, row in enumerate(fresh[:3]))))  # fmt: skip
        return Outcome(tuple(numbers), figure, _said(stale, fresh, trained, first))


def _said(stale: list[list[float]], fresh: list[list[float]], trained: list[Epoch], first: BatchNorm) -> str:
    worst = min(min(row) for row in stale)
    text = f"Test accuracy with running statistics: {', '.join(f'{row[-1]:.3f}' for row in stale)} at the end, {worst:.3f} at the worst epoch; "
    text += f"calibrated: {', '.join(f'{row[-1]:.3f}' for row in fresh)}, worst epoch {min(min(row) for row in fresh):.3f}; "
    text += f"training: {', '.join(f'{e.accuracy:.3f}' for e in trained)}. First layer's γ: "
    return text + f"{[round(v, 2) for v in first.weight.tolist()]}, β: {[round(v, 2) for v in first.bias.tolist()]}."


def _agreement(given: Images, seed: int) -> list[Number]:
    """Losses of six steps in float64, then running statistics with torch's convention converted."""
    steps, batch = 6, 32
    x, y = given.train_x[: steps * batch].double(), given.train_y[: steps * batch]
    makers = (FromScratch, lambda n: BatchNorm(n, EPS, MOMENTUM, momentum_of="old", variance="biased"), lambda n: _torch_norm(n))
    models = [lenet(maker, seed=seed, dtype=torch.float64) for maker in makers]
    losses = [[e.loss for e in train_epochs(m, x, y, rate=0.5, batch=batch, epochs=1, seed=seed)] for m in models]
    outputs = [m.train()(x[:batch]).detach() for m in models]
    apart = max(float((o - outputs[0]).abs().max()) for o in outputs) + max(abs(a[0] - losses[0][0]) for a in losses)
    norms = [[layer for layer in m if isinstance(layer, FromScratch | nn.modules.batchnorm._BatchNorm)] for m in models]
    moved, sizes = 0.0, [batch * 24 * 24, batch * 8 * 8, batch, batch]
    for (scratch, ours, torchs), n in zip(zip(*norms, strict=True), sizes, strict=True):
        kept = MOMENTUM ** (steps + 1)
        converted = (torchs.running_var - kept) * (n - 1) / n + kept
        moved = max(moved, *(float((a - scratch.moving_var).abs().max() / scratch.moving_var.abs().max()) for a in (ours.running_var, converted)))
        moved = max(moved, *(float((a - scratch.moving_mean).abs().max()) for a in (ours.running_mean, torchs.running_mean)))
    why = "float64: 1e-16 per operation, some thousands of them, through seven steps"
    return [
        Number("largest difference of outputs and losses after six steps, three implementations", apart, 0.0, 1e-10, why, "one function"),
        Number("largest difference of running statistics, conventions converted", moved, 0.0, 1e-10, why, "v_torch − mᵏ = (v − mᵏ)·n/(n − 1)"),
    ]


def _torch_norm(features: int) -> nn.Module:
    """By the layer's dimension: the first two norms of LeNet stand in convolutions."""
    return nn.BatchNorm2d(features, EPS, 1.0 - MOMENTUM) if features in (6, 16) else nn.BatchNorm1d(features, EPS, 1.0 - MOMENTUM)
