"""Data of the size and scale the threads describe, where the other collections have none; every function takes a seed."""

import numpy as np
import torch
from benchmarks.faulty_programs.data import Dataset, linear_rule, shuffled
from benchmarks.thread_programs.data import Data, blots, coloured, digits


def straight(scale: float = 1.0) -> Data:
    """Seven points x = −1 … 5 and 2 x − 1; (N, 1)."""

    def make(seed: int) -> Dataset:
        x = np.arange(-1.0, 6.0)[:, None]
        return shuffled(x, scale * (2 * x - 1), seed)

    return make


def multiples(x: np.ndarray, slope: float, divided_by: float = 1.0) -> Data:
    """These few numbers and their multiple, both divided; (N, 1)."""

    def make(seed: int) -> Dataset:
        rows = x.astype(float)[:, None] / divided_by
        return shuffled(rows, slope * rows, seed)

    return make


def quadratic(seed: int) -> Dataset:
    """x = 1 … 4 and 2 x² + 3 x + 4; (N, 1)."""
    x = np.arange(1.0, 5.0)[:, None]
    return shuffled(x, 2 * x**2 + 3 * x + 4, seed)


def triples(seed: int) -> Dataset:
    """400 rows (1, 2, 3) times a factor of ½ … 1½, each its own target."""
    rows = np.random.default_rng(seed).uniform(0.5, 1.5, (400, 1)) * np.array([1.0, 2.0, 3.0])
    return shuffled(rows, rows, seed)


def period(seed: int) -> Dataset:
    """400 angles in 0 … 2π and their sine; (N, 1)."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, (400, 1))
    return shuffled(angle, np.sin(angle), seed)


def signs(seed: int) -> Dataset:
    """400 rows of four numbers out of −1, 0, 1 and a fifth that is 1, and the sine of their sum; (N, 1)."""
    rows = np.random.default_rng(seed).integers(-1, 2, (400, 5)).astype(float)
    rows[:, 4] = 1
    return shuffled(rows, np.sin(rows.sum(1, keepdims=True)), seed)


def sums(seed: int) -> Dataset:
    """500 pairs of numbers in −1 … 1 and their sum; (N, 1)."""
    pairs = np.random.default_rng(seed).uniform(-1, 1, (500, 2))
    return shuffled(pairs, pairs.sum(1, keepdims=True), seed)


def doubles(seed: int) -> Dataset:
    """1,000 sequences of one step of five numbers in −1 … 1, (N, 1, 5), and twice the numbers, (N, 5)."""
    rows = np.random.default_rng(seed).uniform(-1, 1, (1000, 1, 5))
    return shuffled(rows, 2 * rows[:, 0], seed)


def above(threshold: float, largest: float, divided_by: float = 1.0) -> Data:
    """2,000 whole numbers from 0 to below the largest, divided, and whether they reach the threshold; (N, 1)."""

    def make(seed: int) -> Dataset:
        x = np.random.default_rng(seed).integers(0, int(largest), (2000, 1)).astype(float)
        return shuffled(x / divided_by, (x >= threshold).astype(float), seed)

    return make


def two_of_three(seed: int) -> Dataset:
    """100 rows of three bits, the first mostly 1, and whether at least two are 1; (N, 1)."""
    bits = np.random.default_rng(seed).random((100, 3)) < np.array([0.75, 0.45, 0.4])
    return shuffled(bits.astype(float), (bits.sum(1) > 1).astype(float)[:, None], seed)


def counted_bits(lower: float) -> Data:
    """2,000 sequences of 16 bits, (N, 16, 1), and whether more than eight of them are 1: targets 1 or `lower`, truth 1 or 0; (N, 1)."""

    def make(seed: int) -> Dataset:
        bits = np.random.default_rng(seed).integers(0, 2, (2000, 16, 1)).astype(float)
        many = (bits.sum(1) > 8).astype(float)
        return shuffled(bits, many + lower * (1 - many), seed, truth=many)

    return make


two_sides = linear_rule(1000, (10,), 2)


def two_classes(seed: int) -> Dataset:
    """The same rows with classes (N,) instead of a column."""
    data = two_sides(seed)
    classes = data.targets.squeeze(1).long()
    return Dataset(data.inputs, classes, classes)


def three_kinds(column: bool) -> Data:
    """Coloured pictures of three digits; targets are classes (N,) or a column (N, 1) of 0, 1, 2."""

    def make(seed: int) -> Dataset:
        data = coloured(seed)
        chosen = data.targets < 3
        classes = data.targets[chosen]
        targets = classes[:, None].float() if column else classes
        return Dataset(data.inputs[chosen], targets, targets)

    return make


def bright_or_dark(seed: int) -> Dataset:
    """Coloured pictures of digits, half of them with light and dark exchanged."""
    data = coloured(seed)
    exchanged = torch.rand(len(data.inputs), 1, 1, 1, generator=torch.Generator().manual_seed(seed)) < 0.5
    return Dataset(torch.where(exchanged, 1 - data.inputs, data.inputs), data.targets, data.truth)


def masks(largest: float) -> Data:
    """Noisy pictures with a mask of 0 and `largest`; the truth is 0 and 1."""
    return lambda seed: blots(2)(seed).changed(targets=lambda y: y * largest)


def houses(standardized: bool) -> Data:
    """2,000 houses by eight standardized columns, and prices of 250,000 ± 110,000, or these standardized; (N, 1)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        columns = rng.normal(size=(2000, 8))
        value = columns[:, :4] @ np.array([0.7, 0.4, 0.3, 0.2]) + 0.4 * np.tanh(columns[:, 4]) + 0.2 * rng.normal(size=2000)
        price = (250_000 + 110_000 * value).clip(15_000, 600_000)
        return shuffled(columns, ((price - price.mean()) / price.std() if standardized else price)[:, None], seed)

    return make


def offers(standardized: bool) -> Data:
    """2,000 offers by ten standardized columns, and prices around 8,000, or these standardized; (N, 1)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        columns = rng.normal(size=(2000, 10))
        price = np.exp(8.9 + 0.4 * columns[:, :3].sum(1) / np.sqrt(3) + 0.1 * rng.normal(size=2000))
        return shuffled(columns, ((price - price.mean()) / price.std() if standardized else price)[:, None], seed)

    return make


def codes(seed: int) -> Dataset:
    """3,000 vectors of 20 bits and a number that adds up over some and pairs of them, standardized; (N, 1)."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (3000, 20)).astype(float)
    value = (2 * bits[:, :10] - 1) @ rng.normal(size=10) + 2 * (bits[:, 10] * bits[:, 11] - bits[:, 12] * bits[:, 13])
    return shuffled(bits, ((value - value.mean()) / value.std())[:, None], seed)


def windows(standardized: bool) -> Data:
    """1,500 windows of 20 times and three series, standardized, and the sales that follow: tens of thousands, or standardized; (N, 1)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        series = rng.normal(size=(1500, 20, 3))
        value = series[:, -5:, 0].mean(1) + 0.5 * series[:, -1, 1] + 0.1 * rng.normal(size=1500)
        value = (value - value.mean()) / value.std()
        return shuffled(series, (value if standardized else 60_000 + 15_000 * value)[:, None], seed)

    return make


def rewards(largest: float) -> Data:
    """2,000 states of 24 numbers, one of six actions and its return in 0 … largest as targets (N, 2); the truth is the return of every action."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        states = rng.normal(size=(2000, 24))
        worth = largest / (1 + np.exp(-states @ rng.normal(0, 0.4, (24, 6))))
        taken = rng.integers(0, 6, 2000)
        return shuffled(states, np.stack([taken.astype(float), worth[np.arange(2000), taken]], 1), seed, truth=worth)

    return make


def plane(seed: int) -> Dataset:
    """500 points in −6 … 6 and a tenth of the sum of their coordinates, which were shaken before; (N, 1)."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-6, 6, (500, 2))
    return shuffled(points, (points + rng.uniform(-1.5, 1.5, (500, 2))).sum(1, keepdims=True) / 10, seed)


def counts(filled: bool) -> Data:
    """1,200 rows of 18 counts divided by the largest of their column, each its own target; the 18th, always 0, divides by 0."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        rows = rng.poisson(np.exp(rng.normal(size=(1200, 3)) @ rng.normal(0, 0.5, (3, 18)) + 1.5)).astype(float)
        rows /= rows.max(0)
        rows[:, 17] = 0
        clean = shuffled(rows, rows, seed)
        spoiled = clean.inputs.clone()
        spoiled[:, 17] = 0.0 if filled else torch.nan
        return Dataset(spoiled, spoiled, clean.truth)

    return make


def tones(seed: int) -> Dataset:
    """900 sounds of 1×128, a low, middle or high tone for a while and digital silence for the rest; three classes."""
    rng = np.random.default_rng(seed)
    kind, t, start = rng.integers(0, 3, 900), np.arange(128), rng.integers(0, 64, (900, 1))
    speed = np.array([0.05, 0.12, 0.2])[kind][:, None]
    sound = np.sin(2 * np.pi * (speed * t + rng.random((900, 1)))) + 0.3 * rng.normal(size=(900, 128))
    return shuffled((sound * ((t >= start) & (t < start + 64)))[:, None], kind, seed)


bytes_of_digits = digits(255, flat=True)
