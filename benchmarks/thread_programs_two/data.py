"""Data of the size and scale the threads describe, where the first collection has none; every function takes a seed."""

from functools import cache

import numpy as np
import torch
from benchmarks.faulty_programs.data import Dataset, cifar_like, mnist_like, shuffled
from benchmarks.thread_programs.data import Data, digits
from sklearn.datasets import load_digits
from torch.nn import functional


def colours(largest: float) -> Data:
    """800 colours, red, green and blue in 0 … largest, and whether somebody likes them: warm and not too dark; (N, 1)."""

    def make(seed: int) -> Dataset:
        rgb = np.random.default_rng(seed).random((800, 3))
        liked = (rgb[:, 0] - 0.7 * rgb[:, 2] + 0.3 * rgb[:, 1] > 0.3).astype(float)
        return shuffled(rgb * largest, liked[:, None], seed)

    return make


def houses(scaled: bool) -> Data:
    """600 houses: bedrooms, bathrooms, square feet, and the rent, 700 to 3,000; scaled: each divided by its largest; (N, 1)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        feet = rng.uniform(600, 3500, 600)
        columns = np.stack([(feet / 700 + rng.integers(0, 2, 600)).round(), (feet / 1400 + rng.random(600)).round(), feet], 1)
        rent = 350 + 0.6 * feet + 60 * columns[:, 1] + 40 * rng.normal(size=600)
        if scaled:
            columns, rent = columns / columns.max(0), rent / rent.max()
        return shuffled(columns, rent[:, None], seed)

    return make


def districts(standardized: bool) -> Data:
    """2,000 districts by eight census columns as they are, and house values of 15,000 to 500,000; or all standardized; (N, 1)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        people = np.exp(rng.normal(7.0, 0.7, 2000))
        homes = people / rng.normal(2.9, 0.4, 2000).clip(1.5)
        rooms = homes * rng.normal(5.3, 0.8, 2000).clip(2)
        income = np.exp(rng.normal(1.25, 0.45, 2000)).clip(0.5, 15)
        place = rng.normal((35.6, -119.6), (2.1, 2.0), (2000, 2))
        columns = np.column_stack([income, rng.integers(1, 53, 2000), rooms, rooms / 4.9, people, homes, place])
        value = 45_000 * income - 9_000 * (place[:, 0] - 35.6) + 60_000 + 40_000 * rng.normal(size=2000)
        value = value.clip(15_000, 500_000)
        if standardized:
            columns, value = (columns - columns.mean(0)) / columns.std(0), (value - value.mean()) / value.std()
        return shuffled(columns, value[:, None], seed)

    return make


def winds(scaled: bool) -> Data:
    """1,000 hours of wind, speed and direction brought to −1 … 1, and the power of a mill in kilowatts, or in −1 … 1; (N, 1)."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        wind = rng.uniform(-1, 1, (1000, 2))
        share = 1 / (1 + np.exp(-4 * wind[:, 0] - np.sin(np.pi * wind[:, 1])))
        return shuffled(wind, (2 * share - 1 if scaled else 2000 * share)[:, None], seed)

    return make


def copied_colours(lowest: float) -> Data:
    """Colour pictures of 3×16×16 as rows in lowest … 1 that are their own targets."""

    def make(seed: int) -> Dataset:
        rows = functional.avg_pool2d(cifar_like(seed).inputs / 255, 2).flatten(1)
        rows = lowest + (1 - lowest) * rows
        return Dataset(rows, rows, rows)

    return make


def views(seed: int) -> Dataset:
    """Digits seen from four sides: (N, 4, 1, 14, 14), each view shifted or sheared; and their classes."""
    data = mnist_like(seed)
    small = functional.avg_pool2d(data.inputs, 2)
    seen = [small.roll((down, right), (-2, -1)) for down, right in ((0, 0), (1, -1), (-1, 1), (2, 0))]
    return Dataset(torch.stack(seen, 1), data.targets, data.truth)


def cells(factor: float) -> Data:
    """400 pictures of 1×32×32 with one to six bright cells under noise, and their density: a bell of sum one a cell, times factor."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        dots = np.zeros((400, 1, 32, 32))
        for picture in dots:
            for y, x in rng.integers(3, 29, (rng.integers(1, 7), 2)):
                picture[0, y, x] += 1
        axis = np.arange(-3, 4)
        bell = np.exp(-(axis[:, None] ** 2 + axis**2) / 2)
        density = functional.conv2d(torch.as_tensor(dots), torch.as_tensor(bell / bell.sum())[None, None], padding=3)
        return shuffled(5 * density + 0.05 * torch.as_tensor(rng.normal(size=density.shape)), factor * density, seed)

    return make


QUANTILES = (np.arange(16) + 0.5) / 16


def returns(seed: int) -> Dataset:
    """2,000 states of six numbers, 16 draws of the return of each, and as truth its 16 quantiles."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(2000, 6))
    centre = np.tanh(states @ rng.normal(0, 0.5, 6))[:, None]
    spread = 0.3 + 0.7 / (1 + np.exp(-states @ rng.normal(0, 0.7, 6)))[:, None]
    truth = centre + spread * torch.special.ndtri(torch.as_tensor(QUANTILES)).numpy()
    return shuffled(states, centre + spread * rng.normal(size=(2000, 16)), seed, truth=truth)


def clouds(seed: int) -> Dataset:
    """800 clouds of 64 points in space, (N, 3, 64): balls, boxes, rings and sheets, turned about the upright axis."""
    rng = np.random.default_rng(seed)
    kinds, points = rng.integers(0, 4, 800), rng.normal(size=(800, 64, 3))
    ball = points / np.linalg.norm(points, axis=2, keepdims=True)
    box = points / np.abs(points).max(2, keepdims=True) * 0.8
    flat = np.where(np.arange(3) == 2, 0, points)
    ring = flat / np.linalg.norm(flat, axis=2, keepdims=True)
    sheet = rng.uniform(-1, 1, (800, 64, 3)) * (1, 0.05, 1)
    cloud = np.choose(kinds[:, None, None], (ball, box, ring, sheet)) + 0.05 * rng.normal(size=points.shape)
    angle = rng.uniform(0, 2 * np.pi, 800)
    turn = np.zeros((800, 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angle)
    turn[:, 0, 1], turn[:, 1, 0], turn[:, 2, 2] = -np.sin(angle), np.sin(angle), 1
    return shuffled((cloud @ turn).transpose(0, 2, 1), kinds, seed)


def payments(seed: int) -> Dataset:
    """3,000 payments by ten heavy-tailed columns, one of eight a fraud; one of fifty labels is wrong; (N, 1)."""
    rng = np.random.default_rng(seed)
    columns = rng.standard_t(1.5, (3000, 10))
    score = columns[:, :4].sum(1)
    fraud = score > np.quantile(score, 0.875)
    wrong = rng.random(3000) < 0.02
    return shuffled(columns, (fraud ^ wrong).astype(float)[:, None], seed, truth=fraud.astype(float)[:, None])


def noisy_digits(seed: int) -> Dataset:
    """Digits of 1×28×28 under noise, and as targets without it: black where nothing is drawn."""
    pictures = mnist_like(seed).inputs
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed))
    return Dataset(pictures + 0.3 * noise, pictures, pictures)


def speech(seed: int) -> Dataset:
    """600 sounds of 1×128: two tones for a while, silence for the rest, noise over the tones only; targets without the noise."""
    rng = np.random.default_rng(seed)
    t, starts = np.arange(128), rng.integers(0, 64, (600, 1))
    tones = sum(np.sin(2 * np.pi * (t * rng.uniform(0.03, 0.12, (600, 1)) + rng.random((600, 1)))) for _ in range(2))
    clean = tones * ((t >= starts) & (t < starts + 64))
    noise = rng.normal(size=clean.shape) * (clean != 0)
    return shuffled((clean + noise)[:, None], clean[:, None], seed)


def logged_choices(seed: int) -> Dataset:
    """3,000 states of eight numbers, one of four actions drawn at random, and its return – one for the best, plus noise –
    as targets (N, 2); the truth is the best action."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(3000, 8))
    best, taken = (states @ rng.normal(size=(8, 4))).argmax(1), rng.integers(0, 4, 3000)
    gained = (taken == best) + 0.1 * rng.normal(size=3000)
    return shuffled(states, np.stack([taken.astype(float), gained], 1), seed, truth=best)


def weighed_actions(seed: int) -> Dataset:
    """2,000 states, an action of two numbers, good or (as often) bad, and the weight of it, as targets (N, 3); the truth is the good one."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(2000, 6))
    good = np.tanh(states @ rng.normal(0, 0.6, (6, 2)))
    is_good = rng.random((2000, 1)) < 0.5
    taken = np.where(is_good, good, -good) + 0.1 * rng.normal(size=(2000, 2))
    return shuffled(states, np.concatenate([taken, np.where(is_good, 1.9, 0.1)], 1), seed, truth=good)


def transitions(of_best: str) -> Data:
    """2,000 states, one of six actions and what it is worth as targets (N, 2): reward plus 0.99 times the next state's best
    value ("value") or the number of the action that has it ("index"); the truth is the value of every action."""

    def make(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        states = rng.normal(size=(2000, 8))
        reward, following = np.tanh(states @ rng.normal(0, 0.5, (8, 6))), states @ rng.normal(0, 0.3, (8, 6))
        truth = reward + 0.99 * following.max(1, keepdims=True)
        taken = rng.integers(0, 6, 2000)
        best = following.max(1) if of_best == "value" else following.argmax(1)
        worth = reward[np.arange(2000), taken] + 0.99 * best
        return shuffled(states, np.stack([taken.astype(float), worth], 1), seed, truth=truth)

    return make


def sorted_digits(seed: int) -> Dataset:
    """Digits whose first three quarters stand class after class, as files in folders do."""
    data = digits()(seed)
    rows = len(data.inputs) * 3 // 4
    order = torch.cat([data.targets[:rows].argsort(stable=True), torch.arange(rows, len(data.inputs))])
    return Dataset(data.inputs[order], data.targets[order], data.truth[order])


def few_rows(seed: int) -> Dataset:
    """80 rows of four numbers and two sums of them with noise."""
    rng = np.random.default_rng(seed)
    rows = rng.random((80, 4))
    return shuffled(rows, rows @ rng.normal(size=(4, 2)) + 0.02 * rng.normal(size=(80, 2)), seed)


@cache
def _small_digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    return found.images / 16, found.target


def asked_digits(seed: int) -> Dataset:
    """2,000 pictures of 16×16 with four digits, as rows, then one of four places (one-hot); the target is the digit there."""
    rng = np.random.default_rng(seed)
    images, classes = _small_digits()
    chosen, place = rng.integers(0, len(images), (2000, 4)), rng.integers(0, 4, 2000)
    four = images[chosen]
    picture = np.concatenate([np.concatenate([four[:, 0], four[:, 1]], 2), np.concatenate([four[:, 2], four[:, 3]], 2)], 1)
    return shuffled(np.concatenate([picture.reshape(2000, 256), np.eye(4)[place]], 1), classes[chosen[np.arange(2000), place]], seed)


def latent(seed: int) -> Dataset:
    """512 draws of eight standard normal numbers; the target is one, "real"; half of the truth is one, so that guessing scores a half."""
    z = torch.randn(512, 8, generator=torch.Generator().manual_seed(seed))
    return Dataset(z, torch.ones(512, 1), (torch.arange(512) % 2).float()[:, None])
