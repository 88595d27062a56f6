"""Data made of tokens; every function takes a seed."""

import numpy as np
from benchmarks.faulty_programs.data import Dataset, shuffled


def peptides(seed: int) -> Dataset:
    """2,000 chains of 6 to 8 out of 20 building blocks, filled up to 12 places with a 21st, and a time that adds up over them; (N, 1)."""
    rng = np.random.default_rng(seed)
    chains, weight = rng.integers(0, 20, (2000, 12)), np.append(rng.normal(0.5, 1, 20), 0)
    chains[np.arange(12) >= rng.integers(6, 9, (2000, 1))] = 20
    time = weight[chains].sum(1)
    time = (time - time.min()) / time.std()
    return shuffled(chains, time[:, None], seed)


def topics(seed: int) -> Dataset:
    """1,200 texts of 16 tokens out of 60, each token from its topic's 15 words more often than from the others'; four topics."""
    rng = np.random.default_rng(seed)
    topic, own = rng.integers(0, 4, 1200), rng.random((1200, 16)) < 0.35
    words = np.where(own, 15 * topic[:, None] + rng.integers(0, 15, (1200, 16)), rng.integers(0, 60, (1200, 16)))
    return shuffled(words, topic, seed)


def returns_of_texts(seed: int) -> Dataset:
    """1,200 histories of 8 tokens out of 30 and the return that follows, a sum over them; (N, 1)."""
    rng = np.random.default_rng(seed)
    tokens, worth = rng.integers(0, 30, (1200, 8)), rng.normal(size=30)
    value = worth[tokens].sum(1) / np.sqrt(8)
    return shuffled(tokens, value[:, None], seed)


def lookups(seed: int) -> Dataset:
    """2,000 rows: a key out of 12, then six pairs of a key and a value out of 8; the target is the value that stands at the first key."""
    rng = np.random.default_rng(seed)
    keys = rng.permuted(np.tile(np.arange(12), (2000, 1)), axis=1)[:, :6]
    values, asked = rng.integers(0, 8, (2000, 6)), rng.integers(0, 6, 2000)
    rows, row = np.stack([keys, values], 2).reshape(2000, 12), np.arange(2000)
    return shuffled(np.column_stack([keys[row, asked], rows]), values[row, asked], seed)


def questions(seed: int) -> Dataset:
    """1,500 questions of 24 tokens out of 200; a single token, out of 40, tells which of eight relations is meant."""
    rng = np.random.default_rng(seed)
    tokens, relation = rng.integers(40, 200, (1500, 24)), rng.integers(0, 8, 1500)
    tokens[np.arange(1500), rng.integers(0, 24, 1500)] = 5 * relation + rng.integers(0, 5, 1500)
    return shuffled(tokens, relation, seed)


def sentences(seed: int) -> Dataset:
    """1,200 sentences of six tokens out of 20 by a sparse chain, each its own target."""
    rng = np.random.default_rng(seed)
    following, lines = rng.integers(0, 20, (20, 3)), np.zeros((1200, 6), int)
    lines[:, 0] = rng.integers(0, 20, 1200)
    for t in range(5):
        lines[:, t + 1] = following[lines[:, t], rng.integers(0, 3, 1200)]
    return shuffled(lines, lines, seed)
