"""Data with the size, scale and difficulty of the records' data, made without a download.

Every function takes a seed and returns a shuffled `Dataset`. Faults of the data (labels divided by 255, inputs
normalized twice) are made where the program is, by `Dataset.changed`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits, make_blobs, make_circles
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Dataset:
    """Inputs, targets as the loss gets them, and the truth that predictions are judged by."""

    inputs: Tensor
    targets: Tensor
    truth: Tensor

    def changed(self, inputs: Callable[[Tensor], Tensor] = lambda x: x, targets: Callable = lambda y: y) -> "Dataset":
        """With inputs and targets passed through these; the truth stays."""
        return replace(self, inputs=inputs(self.inputs), targets=targets(self.targets))


def shuffled(inputs: Any, targets: Any, seed: int, truth: Any = None) -> Dataset:
    """The rows in an order drawn from the seed; floats become float32, integers int64."""

    def tensor(array: Any) -> Tensor:
        values = torch.as_tensor(np.asarray(array))
        return values.float() if values.is_floating_point() else values.long()

    order = torch.as_tensor(np.random.default_rng(seed).permutation(len(inputs)))
    targets = tensor(targets)[order]
    return Dataset(tensor(inputs)[order], targets, targets if truth is None else tensor(truth)[order])


@cache
def _digit_images(size: int) -> tuple[Tensor, np.ndarray]:
    """1,797 real handwritten digits in [0, 1], enlarged from 8×8, and their classes."""
    digits = load_digits()
    images = torch.as_tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
    return functional.interpolate(images, size=(size, size), mode="bilinear"), digits.target


def mnist_like(seed: int) -> Dataset:
    """Digits of 1×28×28 in [0, 1]: 20×20 strokes in a black frame of 4, as MNIST is laid out."""
    images, classes = _digit_images(20)
    return shuffled(functional.pad(images, (4, 4, 4, 4)), classes, seed)


def cifar_like(seed: int) -> Dataset:
    """Pictures of 3×32×32 in 0 … 255, mean ≈ 115 and std ≈ 53 a channel, near CIFAR-10's 120 and 64: a digit in a random bright
    colour on a random dark one, under pixel noise of std 20."""
    glyphs, classes = _digit_images(32)
    rng = np.random.default_rng(seed)
    ground, ink = (rng.uniform(low, low + 150, (len(glyphs), 3, 1, 1)) for low in (10, 105))
    pictures = ground + glyphs.numpy() * (ink - ground) + rng.normal(0, 20, (len(glyphs), 3, 32, 32))
    return shuffled(pictures.clip(0, 255), classes, seed)


def blobs(seed: int) -> Dataset:
    """The three blobs of AutoTrainer in the plane, coordinates within ±14."""
    inputs, classes = make_blobs(1000, centers=3, n_features=2, cluster_std=2, random_state=2)
    return shuffled(inputs, classes, seed)


def circles(seed: int) -> Dataset:
    """The two circles of AutoTrainer: labels 0 and 1 of shape (N, 1)."""
    inputs, classes = make_circles(1000, noise=0.1, random_state=1)
    return shuffled(inputs, classes[:, None].astype(float), seed)


def county_census(seed: int) -> Dataset:
    """16 raw census columns of 3,000 counties – head counts, dollars, percentages – and which of two won."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(3000, 16))
    people = np.exp(10.2 + 1.4 * latent[:, :4])
    dollars = 45_000 + 11_000 * latent[:, 4:7]
    percentages = (30 + 15 * latent[:, 7:]).clip(0, 100)
    winner = latent[:, [0, 4, 8, 12]].sum(1) + 0.5 * rng.normal(size=3000) > 0
    return shuffled(np.concatenate([people, dollars, percentages], 1), winner.astype(int), seed)


def all_bytes(seed: int) -> Dataset:
    """All 256 vectors of eight bits, each its own target."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    return shuffled(bits.astype(float), bits.astype(float), seed)


def parabola(seed: int) -> Dataset:
    """x in −10 … 10 by 0.1 and y = x² + 3, so y reaches 103."""
    x = np.linspace(-10, 10, 201)[:, None]
    return shuffled(x, x**2 + 3, seed)


def two_clusters(seed: int) -> Dataset:
    """200 points of the unit square in two separable uniform clusters."""
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(0, 0.45, (100, 2)), rng.uniform(0.55, 1, (100, 2))
    return shuffled(np.concatenate([low, high]), np.repeat([0, 1], 100), seed)


def sine(seed: int) -> Dataset:
    """1,000 points (angle, height), 1 where the height is above zero; the sign of a sine wave with noise."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(-np.pi, np.pi, 1000)
    height = np.sin(angle) + 0.1 * rng.normal(size=1000)
    return shuffled(np.stack([angle, height], 1), (height > 0)[:, None].astype(float), seed)


def faces(seed: int) -> Dataset:
    """400 smooth grey pictures of 96×96 pixels in [0, 1], flat, with 30 keypoint coordinates in [−1, 1]."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 1, (400, 1, 8, 8))
    pictures = functional.interpolate(torch.as_tensor(coarse), size=(96, 96), mode="bicubic").clamp(0, 1)
    points = np.tanh((coarse.reshape(400, 64) - 0.5) @ rng.normal(0, 0.2, (64, 30)))
    return shuffled(pictures.flatten(1), points, seed)


def life_boards(seed: int) -> Dataset:
    """300 boards of 1×16×16 cells, 35 % alive, and the next generation of Conway's life."""
    boards = torch.as_tensor(np.random.default_rng(seed).random((300, 1, 16, 16)) < 0.35, dtype=torch.float32)
    around = functional.conv2d(boards, torch.ones(1, 1, 3, 3), padding=1) - boards
    alive = (around == 3) | ((around == 2) & (boards == 1))
    return shuffled(boards, alive.float(), seed)


def cars(seed: int) -> tuple[Dataset, Tensor]:
    """400 cars: nine columns as auto-mpg has them, standardized, and miles per gallon (24 ± 8) of shape (N, 1);
    also the nine raw standard deviations."""
    rng = np.random.default_rng(seed)
    bulk, origin = rng.normal(size=400), np.eye(3)[rng.choice(3, 400, p=[0.62, 0.18, 0.2])]
    loose = bulk[:, None] * 0.85 + 0.5 * rng.normal(size=(400, 4))
    raw = np.array([5.5, 194, 104, 2970]) + np.array([1.7, 104, 38, 850]) * loose
    rest = np.array([15.6, 76]) + np.array([2.8, 3.7]) * rng.normal(size=(400, 2))
    columns = np.concatenate([raw, rest, origin], 1)
    miles = 23.5 - 6 * bulk + 2.5 * (rest[:, 1] - 76) / 3.7 + 1.5 * rng.normal(size=400)
    std = columns.std(0)
    return shuffled((columns - columns.mean(0)) / std, miles[:, None], seed), torch.as_tensor(std).float()


def heart(seed: int) -> Dataset:
    """462 patients: nine raw clinical columns (blood pressure 138 ± 20 … age 43 ± 15) and two classes."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(462, 9))
    centre = np.array([138, 3.6, 4.7, 25, 0.5, 53, 26, 17, 43])
    spread = np.array([20, 4.6, 2.1, 7.8, 0.5, 9.8, 4.2, 24, 15])
    raw = np.maximum(centre + spread * z, 0)
    raw[:, 4] = z[:, 4] > 0
    ill = z[:, [1, 2, 4, 8]].sum(1) + rng.normal(size=462) > 1
    return shuffled(raw, ill.astype(int), seed)


def linear_rule(rows: int, features: tuple[int, ...], classes: int, one_hot: bool = False) -> Callable[[int], Dataset]:
    """Standard normal features, labelled by the largest of `classes` random linear scores (two: a 0/1 column)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        inputs = rng.normal(size=(rows, *features))
        scores = inputs.reshape(rows, -1) @ rng.normal(size=(int(np.prod(features)), max(classes - 1, 1)))
        labels = np.concatenate([scores, np.zeros((rows, 1))], 1).argmax(1)
        if classes == 2:
            return shuffled(inputs, labels[:, None].astype(float), seed)
        return shuffled(inputs, np.eye(classes)[labels] if one_hot else labels, seed, truth=labels)

    return make


def hand_points(seed: int) -> Dataset:
    """Eight points typed by hand, separable by a line; labels 0 and 1 of shape (N, 1)."""
    points = [[1, 1], [1, 2], [2, 1], [2, 3], [4, 3], [4, 5], [5, 4], [6, 3]]
    return shuffled(np.array(points, float), np.repeat([0.0, 1.0], 4)[:, None], seed)


def exclusive_or(seed: int) -> Dataset:
    """The four rows of XOR."""
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    return shuffled(rows, (rows.sum(1) == 1)[:, None].astype(float), seed)
