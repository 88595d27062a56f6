"""The shipped table is the one its builder makes, up to the last bits of least squares, and packs as documented."""

import importlib.util
from pathlib import Path

import numpy as np

from steadygrad.randomness.quantile import table

spec = importlib.util.spec_from_file_location("builder", Path(__file__).with_name("randomness_table_builder.py"))
builder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(builder)


def test_coefficients_are_those_of_the_builder() -> None:
    """A coefficient on the edge of a rounding may come out one unit apart on another machine."""
    for octave, segment in [(0, 0), (0, 63), (1, 5), (9, 31), (20, 7), (31, 0)]:
        packed = int(table()[64 * octave + segment])
        shipped = packed >> 33, packed >> 11 & 2**22 - 1, packed & 2**11 - 1
        assert np.abs(np.subtract(shipped, builder.fit(octave, segment))).max() <= 1
