"""Data of the size and scale the threads describe, made without a download; every function takes a seed."""

from collections.abc import Callable

import numpy as np
import torch
from benchmarks.faulty_programs.data import Dataset, cifar_like, faces, mnist_like, shuffled
from sklearn.datasets import load_iris
from torch import Tensor
from torch.nn import functional

Data = Callable[[int], Dataset]


def digits(scale: float = 1.0, flat: bool = False, one_hot: bool = False) -> Data:
    """Digits of 28×28 in 0 … scale, as pictures or as rows; targets are classes or one-hot."""

    def make(seed: int) -> Dataset:
        data = mnist_like(seed).changed(lambda x: x * scale)
        if flat:
            data = data.changed(lambda x: x.flatten(1))
        return data.changed(targets=lambda y: functional.one_hot(y, 10).float()) if one_hot else data

    return make


def copied_digits(scale: float = 1.0, standardized: bool = False, flat: bool = True) -> Data:
    """Digits that are their own targets (as rows), for autoencoders; standardized: mean 0, std 1 over all pixels."""

    def make(seed: int) -> Dataset:
        pictures = mnist_like(seed).inputs * scale
        if standardized:
            pictures = (pictures - pictures.mean()) / pictures.std()
        rows = pictures.flatten(1)
        return Dataset(rows if flat else pictures, rows, rows)

    return make


def coloured(seed: int) -> Dataset:
    """Pictures of 3×32×32 in 0 … 1."""
    return cifar_like(seed).changed(lambda x: x / 255)


def iris(standardized: bool = False) -> Data:
    """The 150 flowers: four lengths in centimetres, three species."""

    def make(seed: int) -> Dataset:
        bunch = load_iris()
        rows = bunch.data
        return shuffled((rows - rows.mean(0)) / rows.std(0) if standardized else rows, bunch.target, seed)

    return make


def consumers(standardized: bool = False) -> Data:
    """735 buyers of three brands: sex as 0 or 1, age 24 to 38; the older, the dearer the brand."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        female, age = rng.random(735) < 0.63, rng.normal(32.5, 2.3, 735).clip(24, 38).round()
        brand = np.digitize(age + 0.4 * female + rng.normal(0, 0.8, 735), (31.5, 33.7))
        rows = np.stack([female.astype(float), age], 1)
        return shuffled((rows - rows.mean(0)) / rows.std(0) if standardized else rows, brand, seed)

    return make


def pulses(standardized: bool = False) -> Data:
    """1,000 patients: heart rate at rest and under load, beats a minute; 1 where both are far from usual."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(1000, 2))
        unusual = (np.square(z).sum(1) > 1.4).astype(float)[:, None]
        return shuffled(z if standardized else np.array([78.0, 142.0]) + z * np.array([12.0, 18.0]), unusual, seed)

    return make


def weather(filled: bool) -> Data:
    """2,000 grid cells of 17 standardized fields, the next temperature; the rain field, all zero, divides by its std of 0."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        fields = rng.normal(size=(2000, 17))
        following = np.tanh(fields[:, :8] @ rng.normal(0, 0.4, 8)) + 0.5 * fields[:, 8] + 0.1 * rng.normal(size=2000)
        fields[:, 16] = 0.0 if filled else np.nan
        return shuffled(fields, following[:, None], seed)

    return make


def frames(scale: float = 1.0) -> Data:
    """Four stacked pictures of 42×42 and the values of six actions, a smooth function of what is seen where."""

    def make(seed: int) -> Dataset:
        pictures = functional.interpolate(mnist_like(seed).inputs, size=(42, 42), mode="bilinear")
        stacked = torch.cat([pictures.roll(shift, -1) for shift in range(0, 8, 2)], 1)
        seen = functional.avg_pool2d(pictures, 6).flatten(1)
        mixing = torch.randn(seen.shape[1], 6, generator=torch.Generator().manual_seed(seed))
        values = (seen - seen.mean(0)) @ mixing
        values = values / values.std()
        return Dataset(stacked * scale, values, values)

    return make


def powers(inputs: np.ndarray, power: int, plus: float = 0.0, inputs_by: float = 1.0, targets_by: float = 1.0, centred: bool = False) -> Data:
    """y = x^power + plus over these x, both divided; centred: both to mean 0 and std 1 instead."""

    def make(seed: int) -> Dataset:
        x, y = inputs.astype(float)[:, None], inputs.astype(float)[:, None] ** power + plus
        if centred:
            return shuffled((x - x.mean()) / x.std(), (y - y.mean()) / y.std(), seed)
        return shuffled(x / inputs_by, y / targets_by, seed)

    return make


def rooms(logarithm: bool = False) -> Data:
    """2,051 sales: 40 standardized columns, price 180,000 ± 80,000 up to about 755,000; or its logarithm, standardized."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        columns = rng.normal(size=(2051, 40))
        log_price = 12.0 + 0.4 * (columns[:, :6] @ np.array([0.6, 0.5, 0.4, 0.3, 0.3, 0.2])) + 0.05 * rng.normal(size=2051)
        target = (log_price - log_price.mean()) / log_price.std() if logarithm else np.exp(log_price).clip(12_000, 755_000)
        return shuffled(columns, target[:, None], seed)

    return make


def curve(sign: float) -> Data:
    """111 points of sign / (exp(10 x) + 1) for x in −1 … 1."""

    def make(seed: int) -> Dataset:
        x = np.linspace(-1, 1, 111)[:, None]
        return shuffled(x, sign / (np.exp(10 * x) + 1), seed)

    return make


def ratings(seed: int) -> Dataset:
    """3,000 pairs (user, item) out of 60 and 80, and whether the user liked the item: tastes and qualities in a plane."""
    rng = np.random.default_rng(seed)
    pairs = np.stack([rng.integers(0, 60, 3000), rng.integers(0, 80, 3000)], 1)
    taste, quality = rng.normal(size=(60, 2)), rng.normal(size=(80, 2))
    liked = (taste[pairs[:, 0]] * quality[pairs[:, 1]]).sum(1) + 0.3 * rng.normal(size=3000) > 0
    return shuffled(pairs, liked.astype(float), seed)


def blots(classes: int) -> Data:
    """400 pictures of 1×32×32 and the class of every pixel: of two, ink or not as (1, 32, 32) floats; of three, also its edge."""

    def make(seed: int) -> Dataset:
        pictures = functional.interpolate(mnist_like(seed).inputs[:400], size=(32, 32), mode="bilinear")
        noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed))
        ink = (pictures > 0.5).float()
        near = functional.max_pool2d(ink, 3, 1, 1)
        masks = ink if classes == 2 else (near + ink).long().squeeze(1)
        return Dataset(pictures + 0.2 * noise, masks, masks)

    return make


def walks(targets: str) -> Data:
    """1,000 windows of 20 returns of an autocorrelated series, standardized, and the next one, of shape (N, 1) or (N,)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        series = np.zeros(1021)
        for t in range(2, 1021):
            series[t] = 0.9 * series[t - 1] - 0.5 * series[t - 2] + 0.3 * rng.normal()
        series /= series.std()
        windows = np.stack([series[t : t + 20] for t in range(1000)])[:, :, None]
        following = series[20:1020]
        return shuffled(windows, following if targets == "(N,)" else following[:, None], seed, truth=following[:, None])

    return make


def states(summed: bool) -> Data:
    """2,000 state–action pairs (24 + 4 numbers) and their soft values: reward minus the entropy term of four action
    dimensions, summed to (N, 1) or left as (N, 4)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        pairs = rng.normal(size=(2000, 28))
        reward = np.tanh(pairs[:, :12] @ rng.normal(0, 0.3, (12, 1))) * 2
        entropy = 0.1 * np.square(pairs[:, 24:])
        summed_values = reward - entropy.sum(1, keepdims=True)
        return shuffled(pairs, summed_values if summed else reward - entropy, seed, truth=summed_values)

    return make


def markov_text(seed: int) -> Dataset:
    """600 lines of 16 tokens out of 40 from a sparse Markov chain; the target of each token is the next."""
    rng = np.random.default_rng(seed)
    following = rng.integers(0, 40, (40, 3))
    lines = np.zeros((600, 17), int)
    lines[:, 0] = rng.integers(0, 40, 600)
    for t in range(16):
        lines[:, t + 1] = following[lines[:, t], rng.choice(3, 600, p=(0.7, 0.2, 0.1))]
    return shuffled(lines[:, :16], lines[:, 1:], seed)


def pairs_of_points(seed: int) -> Dataset:
    """Pairs of digits as rows (N, 2, 784) and whether both are the same class; in one pair of twenty both are the same row."""
    data = digits(flat=True)(seed)
    rows, classes = data.inputs[:1600], data.targets[:1600]
    order = torch.randperm(1600, generator=torch.Generator().manual_seed(seed))
    other = torch.where(torch.arange(1600) % 20 == 0, torch.arange(1600), order)
    same = (classes == classes[other]).float()
    return Dataset(torch.stack([rows, rows[other]], 1), same, same)


def hand_sum(seed: int) -> Dataset:
    """200 points of the unit square; 1 where the coordinates add up to more than one half; (N, 1)."""
    points = np.random.default_rng(seed).random((200, 2)).round(1)
    return shuffled(points, (points.sum(1) > 0.5).astype(float)[:, None], seed)


def two_moons_like(seed: int) -> Dataset:
    """1,000 points in the plane, 1 to the right of a line; (N, 1)."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(1000, 2))
    return shuffled(points, (points @ np.array([1.0, -0.7]) > 0.1).astype(float)[:, None], seed)


def ticks(seed: int) -> Dataset:
    """2,000 windows of four series at ten times, all near −1.06 as the thread prints them, and up or down; (N, 1)."""
    rng = np.random.default_rng(seed)
    moves = 0.002 * rng.normal(size=(2000, 4, 10))
    up = moves[:, :, -3:].mean((1, 2)) > moves[:, :, :3].mean((1, 2))
    return shuffled(-1.06 + moves, up.astype(float)[:, None], seed)


def sines(seed: int) -> Dataset:
    """600 series of one channel and 64 times, slow or fast or chirping: three classes."""
    rng = np.random.default_rng(seed)
    kinds, t = rng.integers(0, 3, 600), np.linspace(0, 1, 64)
    speed = np.choose(kinds[:, None], (4 + 0 * t, 9 + 0 * t, 3 + 6 * t))
    series = np.sin(2 * np.pi * (speed * t + rng.random((600, 1)))) + 0.2 * rng.normal(size=(600, 64))
    return shuffled(series[:, None], kinds, seed)


def domains(seed: int) -> Dataset:
    """2,000 rows: a domain of four (as a number), then 16 standard normal features; labels whose rule differs by domain; (N, 1)."""
    rng = np.random.default_rng(seed)
    domain, features = rng.integers(0, 4, 2000), rng.normal(size=(2000, 16))
    rules = rng.normal(size=(4, 16))
    clicked = (features * rules[domain]).sum(1) > 0
    return shuffled(np.concatenate([domain[:, None], features], 1), clicked.astype(float)[:, None], seed)


def bowl(seed: int) -> Dataset:
    """100 pairs (x, b), x in −3 … 3, b in −1 … 1, and b + x²; (N, 1)."""
    rng = np.random.default_rng(seed)
    x, b = rng.uniform(-3, 3, 400), rng.uniform(-1, 1, 400)
    return shuffled(np.stack([x, b], 1), (b + x**2)[:, None], seed)


def products(seed: int) -> Dataset:
    """1,000 pairs of numbers in 0 … 0.5 and their product, scaled to 0 … 1; (N, 1)."""
    x = np.random.default_rng(seed).uniform(0, 0.5, (1000, 2))
    return shuffled(x, 4 * x.prod(1, keepdims=True), seed)


def line(seed: int) -> Dataset:
    """x in 0 … 199 and 2 x, both of shape (200, 1)."""
    x = np.arange(200.0)[:, None]
    return shuffled(x, 2 * x, seed)


def tagged_text(seed: int) -> Dataset:
    """800 lines of 12 tokens out of 60, and each token's tag of five: a property of the token, changed by the one before."""
    rng = np.random.default_rng(seed)
    lines, tag = rng.integers(0, 60, (800, 12)), rng.integers(0, 5, 60)
    before = np.concatenate([np.zeros((800, 1), int), lines[:, :-1]], 1)
    return shuffled(lines, np.where(before % 7 == 0, 4, tag[lines]), seed)


def keypoints(seed: int) -> Dataset:
    """400 grey pictures of 1×48×48 in 0 … 1 with 30 coordinates in −1 … 1."""
    data = faces(seed)
    return data.changed(lambda x: functional.avg_pool2d(x.view(-1, 1, 96, 96), 2))


def gradients_of_bowls(seed: int) -> Dataset:
    """1,000 pairs of gradients and squared gradients, and the step a good optimizer would take; (N, 1)."""
    rng = np.random.default_rng(seed)
    g = rng.normal(size=(1000, 4))
    step = -np.tanh(g[:, :1]) * (1 + 0.5 * np.tanh(g[:, 1:2])) + 0.3 * g[:, 2:3] * g[:, 3:]
    return shuffled(g, step, seed)


def empty(inputs: Tensor) -> Tensor:
    """Bytes divided by 255 as integers: nothing is left."""
    return torch.zeros_like(inputs)
