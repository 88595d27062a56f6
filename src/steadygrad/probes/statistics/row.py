"""What a reader found in one tensor: a row of numbers, made into the fields of records when somebody asks.

The C kernel writes a row as bytes, and nothing else happens while the model runs; the definition and the devices have
their fields at once.
"""

import struct
from typing import Any, Protocol

import numpy as np

from steadygrad.kernels.definition import BINS

HEAD = struct.Struct("=qqdddqqqq")
"""Whether anything is not finite, then the fields of `Moments`."""
MAGNITUDES = struct.Struct(f"={BINS + 3}q")
"""Counts, zeros, not finite, at least 65504."""


class Row(Protocol):
    """Fields of the records, by name."""

    odd: bool
    """Whether anything is not finite."""

    def moments(self) -> tuple[Any, ...]:
        """Fields of `Moments`."""

    def histogram(self) -> tuple[Any, ...] | None:
        """Fields of `Histogram`, where it was asked for."""

    def units(self) -> tuple[Any, ...] | None:
        """Fields of `UnitStatistics` after `axis`, where an axis was given."""


class NativeRow:
    """Decodes what the C kernel wrote: see `read` there."""

    __slots__ = ("_count", "_magnitudes", "_size", "_words")

    def __init__(self, words: bytes, magnitudes: bool, units: int | None = None, size: int = 0) -> None:
        self._words = words
        self._magnitudes = magnitudes
        self._count = units
        self._size = size

    @property
    def odd(self) -> bool:
        """Whether anything is not finite: the first number is 0 or 1, at either end of its bytes."""
        return bool(self._words[0] or self._words[7])

    def moments(self) -> tuple[Any, ...]:
        return HEAD.unpack_from(self._words)[1:]

    def histogram(self) -> tuple[Any, ...] | None:
        if not self._magnitudes:
            return None
        *counts, zeros, bad, large = MAGNITUDES.unpack_from(self._words, HEAD.size)
        return tuple(counts), self.moments()[0], zeros, bad, large

    def units(self) -> tuple[Any, ...] | None:
        if self._count is None:
            return None
        start = HEAD.size + (MAGNITUDES.size if self._magnitudes else 0)
        whole = np.frombuffer(self._words, np.int64, 8 * self._count, start).reshape(8, self._count)
        zeros, nonfinite, outside, varies, hashes = whole[3:]
        return (self._size, *whole[:3].view(np.float64), zeros, nonfinite, outside, varies == 0, hashes.view(np.uint64))


class ReadyRow:
    """Fields that are there already."""

    def __init__(self, moments: tuple[Any, ...], histogram: tuple[Any, ...] | None, units: tuple[Any, ...] | None) -> None:
        self.odd = any(moments[-3:])
        self._fields = moments, histogram, units

    def moments(self) -> tuple[Any, ...]:
        return self._fields[0]

    def histogram(self) -> tuple[Any, ...] | None:
        return self._fields[1]

    def units(self) -> tuple[Any, ...] | None:
        return self._fields[2]
