"""Small data for the healthy trainings: real 8×8 digits, and made-up rows whose answer is known."""

import numpy as np
import torch
from benchmarks.faulty_programs.data import Dataset, shuffled
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_moons
from torch.nn import functional


def _standardized(columns: np.ndarray) -> np.ndarray:
    return (columns - columns.mean(0)) / np.maximum(columns.std(0), 1e-9)


def digit_rows(seed: int) -> Dataset:
    """1,797 real digits as 64 numbers in [0, 1], and their classes."""
    digits = load_digits()
    return shuffled(digits.data / 16, digits.target, seed)


def digit_images(seed: int) -> Dataset:
    """The same as standardized pictures of 1×8×8."""
    digits = load_digits()
    return shuffled((digits.images[:, None] - 4.88) / 6.02, digits.target, seed)


def coloured_digits(seed: int) -> Dataset:
    """Pictures of 3×12×12 about mean 0 and std 1: a digit of one colour on another, with noise."""
    digits = load_digits()
    glyphs = functional.interpolate(torch.as_tensor(digits.images[:, None] / 16.0), size=(12, 12), mode="bilinear").numpy()
    rng = np.random.default_rng(seed)
    ground, ink = rng.normal(-1, 0.3, (len(glyphs), 3, 1, 1)), rng.normal(1.5, 0.3, (len(glyphs), 3, 1, 1))
    return shuffled(ground + glyphs * (ink - ground) + rng.normal(0, 0.3, (len(glyphs), 3, 12, 12)), digits.target, seed)


def wine(seed: int) -> Dataset:
    """178 wines, 13 standardized columns, three growers."""
    table = load_wine()
    return shuffled(_standardized(table.data), table.target, seed)


def tumours(seed: int) -> Dataset:
    """569 tumours, 30 standardized columns, benign or not as a column of 0 and 1."""
    table = load_breast_cancer()
    return shuffled(_standardized(table.data), table.target[:, None].astype(float), seed)


def moons(seed: int) -> Dataset:
    """Two interleaved half circles in the plane; 0 and 1 of shape (N, 1)."""
    inputs, classes = make_moons(1000, noise=0.1, random_state=3)
    return shuffled(inputs, classes[:, None].astype(float), seed)


def friedman(seed: int) -> Dataset:
    """Ten standard normal columns and a smooth function of five of them, standardized, of shape (N, 1)."""
    x = np.random.default_rng(7).normal(size=(1500, 10))
    y = np.sin(x[:, :1] * x[:, 1:2]) * 2 + x[:, 2:3] ** 2 - x[:, 3:4] + 0.5 * x[:, 4:5]
    return shuffled(x, _standardized(y), seed)


def digit_lines(seed: int) -> Dataset:
    """Digits as sequences of eight lines of eight numbers."""
    digits = load_digits()
    return shuffled((digits.images - 4.88) / 6.02, digits.target, seed)


def echoes(seed: int) -> Dataset:
    """Sequences of 12 tokens out of 16; the target at each place is the token before it (at the first, itself)."""
    tokens = np.random.default_rng(5).integers(0, 16, (1500, 12))
    return shuffled(tokens, np.concatenate([tokens[:, :1], tokens[:, :-1]], 1), seed)


def waves(seed: int) -> Dataset:
    """24 samples of a sine of random frequency and phase with noise, shape (N, 24, 1), and the one that follows."""
    rng = np.random.default_rng(9)
    phase, speed = rng.uniform(0, 6.3, (1200, 1)), rng.uniform(0.2, 0.8, (1200, 1))
    curve = np.sin(phase + speed * np.arange(25)) * 1.4
    return shuffled(curve[:, :24, None] + 0.05 * rng.normal(size=(1200, 24, 1)), curve[:, 24:], seed)


def topics(seed: int) -> Dataset:
    """Bags of 20 tokens out of 200; each of four topics prefers a quarter of them."""
    rng = np.random.default_rng(11)
    topic = rng.integers(0, 4, 1500)
    own = rng.random((1500, 20)) < 0.4
    tokens = np.where(own, topic[:, None] * 50 + rng.integers(0, 50, (1500, 20)), rng.integers(0, 200, (1500, 20)))
    return shuffled(tokens, topic, seed)


def same_digit(seed: int) -> Dataset:
    """Pairs of digits, shape (N, 2, 64), and whether they are the same figure, (N, 1); half of the pairs are."""
    digits, rng = load_digits(), np.random.default_rng(13)
    left = np.arange(len(digits.target))
    mates = [rng.choice(np.flatnonzero((digits.target == digits.target[i]) == (i % 2 == 0))) for i in left]
    pairs = np.stack([digits.data[left], digits.data[mates]], 1)
    return shuffled((pairs - 4.88) / 6.02, (digits.target == digits.target[mates])[:, None].astype(float), seed)


def figure_and_ink(seed: int) -> Dataset:
    """Digits, and two targets in one row: the class, and the standardized amount of ink."""
    digits = load_digits()
    ink = _standardized(digits.data.sum(1, keepdims=True))
    return shuffled((digits.data - 4.88) / 6.02, np.concatenate([digits.target[:, None], ink], 1), seed)


def digits_onto_themselves(seed: int) -> Dataset:
    """Digits in [0, 1] as inputs and as targets."""
    rows = load_digits().data / 16
    return shuffled(rows, rows, seed)
