"""The chapter's LeNet, with a norm where one is wanted, and its data."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from steadygrad import draw_
from steadygrad.lab import digits, fashion_mnist
from steadygrad.lab.experiment import Bench
from steadygrad.lab.split import Split
from steadygrad.normalization import BatchNorm, calibrate
from steadygrad.schemes import glorot_uniform

Norm = Callable[[int], nn.Module]
EVERYWHERE = (True, True, True, True)


class Images(NamedTuple):
    """Images (n, 1, 28, 28) and labels; training and test parts."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor


def images(bench: Bench, data: str, samples: int | None = None) -> Images:
    """Fashion-MNIST, or the digits enlarged to 28 × 28; the first `samples` of the training part."""
    if data == "fashion-mnist":
        given = Images(*fashion_mnist.load(bench.data))
    else:
        d = digits.load()
        d = d._replace(train_x=d.train_x[:samples])
        large = (nn.functional.interpolate(x.reshape(-1, 1, 8, 8), size=28, mode="bilinear") for x in (d.train_x, d.test_x))
        given = Images(next(large), d.train_y[:samples], next(large), d.test_y)
    return given._replace(train_x=given.train_x[:samples], train_y=given.train_y[:samples])


def lenet(
    norm: Norm | None, *, seed: int, where: Sequence[bool] = EVERYWHERE, activation: Callable[[], nn.Module] = nn.Sigmoid, after: bool = False,
    dropout: float = 0.0, bias: bool = True, dtype: torch.dtype = torch.float32,
) -> nn.Sequential:  # fmt: skip
    """Conv 6 – pool – Conv 16 – pool – 120 – 84 – 10, a norm after each affine layer but the last (`after`: behind the activation); Xavier weights.

    `where` says for the four layers whether the norm is there; `dropout` stands behind the two fully connected activations.
    """
    layers: list[nn.Module] = []
    affine = (nn.Conv2d(1, 6, 5, bias=bias), nn.Conv2d(6, 16, 5, bias=bias), nn.Linear(256, 120, bias=bias), nn.Linear(120, 84, bias=bias))
    for k, layer in enumerate(affine):
        norms = [norm(layer.weight.shape[0])] if norm is not None and where[k] else []
        layers += [layer, activation(), *norms] if after else [layer, *norms, activation()]
        if k < 2:
            layers.append(nn.MaxPool2d(2))
        if k == 1:
            layers.append(nn.Flatten())
        if k >= 2 and dropout:
            layers.append(nn.Dropout(dropout))
    layers.append(nn.Linear(84, 10))
    model = nn.Sequential(*layers).to(dtype)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            draw_(parameter, glorot_uniform(), name=name, seed=seed)
        elif isinstance(model.get_submodule(name.rpartition(".")[0]), nn.Linear | nn.Conv2d):
            nn.init.zeros_(parameter)
    return model


class Epoch(NamedTuple):
    """Means over one epoch in train mode: loss, and accuracy on the way, as the chapter's training loop reports it."""

    loss: float
    accuracy: float


def train_epochs(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, *, rate: float, batch: int, epochs: int, seed: int = 0,
    each: Callable[[int], object] = lambda epoch: None,
) -> list[Epoch]:  # fmt: skip
    """SGD over shuffled batches, without the rest that fills none; `each` is called after every epoch. Ends at a loss that is not finite."""
    data = Split(x, y, x[:0], y[:0], x[:0], y[:0])
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    steps, done = max(len(x) // batch, 1), list[Epoch]()
    for epoch in range(epochs):
        losses, right = 0.0, 0
        for step in range(steps):
            rows = data.rows(epoch * steps + step, batch, seed)
            out = model(x[rows])
            loss = nn.functional.cross_entropy(out, y[rows])
            if not bool(torch.isfinite(loss)):
                return [*done, Epoch(float("inf"), 0.0)]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses, right = losses + float(loss.detach()), right + int((out.argmax(1) == y[rows]).sum())
        done.append(Epoch(losses / steps, right / (steps * batch)))
        each(epoch + 1)
    return done


@torch.no_grad()
def test_accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """In eval mode, a thousand at a time."""
    was = model.training
    model.eval()
    right = sum(int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(1000), y.split(1000), strict=True))
    model.train(was)
    return right / len(x)


class Trial(NamedTuple):
    """One training of a LeNet: plain data, so that a sweep may run it anywhere. `norm`: "none", "batch", or a batch norm "centred", "scaled", "bare"."""

    data: str
    folder: Path | None
    samples: int
    rate: float
    batch: int
    epochs: int
    seed: int
    norm: str = "batch"
    where: tuple[bool, ...] = EVERYWHERE
    activation: str = "sigmoid"
    after: bool = False
    dropout: float = 0.0


class Tried(NamedTuple):
    """At the end: mean training loss and accuracy of the last epoch in train mode, accuracy on the training and the test part in eval mode."""

    loss: float
    on_the_way: float
    train: float
    test: float


NORMS: dict[str, Norm | None] = {
    "none": None,
    "batch": BatchNorm,
    "centred": partial(BatchNorm, scale=False),
    "scaled": partial(BatchNorm, center=False),
    "bare": partial(BatchNorm, affine=False),
}


def trial(t: Trial) -> Tried:
    """Train; statistics are calibrated on the training part before eval mode."""
    given = images(Bench(data=t.folder), t.data, t.samples)
    activation: Callable[[], nn.Module] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}[t.activation]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(t.seed)  # dropout's masks
        model = lenet(NORMS[t.norm], seed=t.seed, where=t.where, activation=activation, after=t.after, dropout=t.dropout)
        last = train_epochs(model, given.train_x, given.train_y, rate=t.rate, batch=t.batch, epochs=t.epochs, seed=t.seed)[-1]
    if not math.isfinite(last.loss):
        return Tried(math.inf, 0.0, 0.0, 0.0)
    if any(isinstance(m, BatchNorm) for m in model):
        calibrate(model, list(given.train_x.split(1000)))
    return Tried(last.loss, last.accuracy, test_accuracy(model, given.train_x, given.train_y), test_accuracy(model, given.test_x, given.test_y))
