"""Sparse places and diagonals beside their definitions, entry by entry."""

import math
from itertools import product

import numpy as np
import pytest

from steadygrad.randomness import dirac, normal, sparse
from steadygrad.randomness.assembly import PLACES, Source, put, turned, zero_places
from steadygrad.randomness.backends import c
from steadygrad.randomness.stream import words
from steadygrad.randomness.structured import Sparse


@pytest.mark.parametrize("few_words", [False, True], ids=["words", "ties"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.5, 0.9, 1.0])
def test_zeros_are_the_smallest_words_and_the_earlier_of_equal_ones(monkeypatch, fraction: float, axis: int, few_words: bool) -> None:
    rows, columns = 70, 37
    drawn = words("w", 5, PLACES, rows * columns)
    if few_words:  # of 2³² words hardly two in a line are equal; here most are
        drawn = drawn % np.uint64(4)
        monkeypatch.setattr(c, "words", lambda *_: drawn)
    table = drawn.reshape(rows, columns)
    expected = np.zeros((rows, columns), bool)
    for k, line in enumerate(table if axis else table.T):
        smallest = sorted(range(len(line)), key=lambda i: (line[i], i))[: math.ceil(fraction * len(line))]
        for i in smallest:
            expected[(k, i) if axis else (i, k)] = True
    assert np.array_equal(zero_places(rows, columns, sparse(1.0, fraction, axis), "w", 5), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_zeros_are_positive_and_other_entries_untouched(dtype: str) -> None:
    source = Source("w", 5, dtype)
    law = Sparse(normal(1.0), 0.5)
    drawn, all_drawn = source.draw(law, (40, 33)), source.draw(normal(1.0), (40, 33))
    bits, whole = (each.view(f"u{each.itemsize}") for each in (drawn, all_drawn))
    places = zero_places(40, 33, law, "w", 5)
    assert not bits[places].any() and np.array_equal(bits[~places], whole[~places])


@pytest.mark.parametrize("shape", [(7, 100), (64, 33), (1, 1), (65, 2)])
def test_turned(shape: tuple[int, int]) -> None:
    matrix = np.arange(math.prod(shape), dtype=np.uint32).reshape(shape)
    assert np.array_equal(turned(matrix), matrix.T) and turned(matrix).flags.c_contiguous


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize(("shape", "groups"), [((5, 5), 1), ((3, 5), 1), ((6, 2), 1), ((6, 4, 3), 2), ((8, 2, 2, 3), 4), ((4, 1, 3, 3, 2), 4), ((12, 3, 1), 2)])
def test_diagonals_entry_by_entry_on_any_strides(shape: tuple[int, ...], groups: int, wrap: bool) -> None:
    rows, expected = shape[0] // groups, np.zeros(shape, np.float32)
    for index in product(*map(range, shape)):
        group, row = divmod(index[0], rows)
        on = row % shape[1] == index[1] and (wrap or row < shape[1])
        expected[index] = 0.5 * (on and all(place == size // 2 for place, size in zip(index[2:], shape[2:], strict=True)))
        assert group < groups
    law, source = dirac(0.5, groups, wrap=wrap), Source("w", 1, "float32")
    assert np.array_equal(source.draw(law, shape), expected)
    turned_memory = np.full(shape[::-1], 9.0, np.float32).T
    put(law, turned_memory, source)
    assert np.array_equal(turned_memory, expected)
