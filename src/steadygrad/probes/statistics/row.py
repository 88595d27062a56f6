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
LIMIT = 1 << 32
"""Counts take 4 bytes, and 8 from here on."""


def counts(words: bytes, many: int, at: int, entries: int) -> tuple[np.ndarray, int]:
    """`many` counts of up to `entries` things each, and where they end."""
    kind = np.dtype(np.uint32 if entries < LIMIT else np.uint64)
    return np.frombuffer(words, kind, many, at).astype(np.int64), at + many * kind.itemsize


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
    """Decodes what the C kernel wrote: see `read` there.

    Args:
        words: the row.
        magnitudes: whether it has them.
        units, size: how many units it has, None for none, and the entries of each.
        limited: whether entries outside of limits were counted.
        summed: whether it has sums of each unit, which are NaN otherwise.
    """

    __slots__ = ("_limited", "_magnitudes", "_size", "_summed", "_units", "_words")

    def __init__(self, words: bytes, magnitudes: bool, units: int | None = None, size: int = 0, limited: bool = False, summed: bool = True) -> None:
        self._words, self._magnitudes, self._units, self._size, self._limited, self._summed = words, magnitudes, units, size, limited, summed

    @property
    def odd(self) -> bool:
        """Whether anything is not finite: the first number is 0 or 1, at either end of its bytes."""
        return bool(self._words[0] or self._words[7])

    def moments(self) -> tuple[Any, ...]:
        return HEAD.unpack_from(self._words)[1:]

    def histogram(self) -> tuple[Any, ...] | None:
        if not self._magnitudes:
            return None
        entries = self.moments()[0]
        *bins, zeros, bad, large = counts(self._words, BINS + 3, HEAD.size, entries)[0].tolist()
        return tuple(bins), entries, zeros, bad, large

    def units(self) -> tuple[Any, ...] | None:
        if self._units is None:
            return None
        units, words, size = self._units, self._words, self._size
        at = counts(words, BINS + 3, HEAD.size, self.moments()[0])[1] if self._magnitudes else HEAD.size
        sums = np.full((3, units), np.nan)
        if self._summed:
            sums, at = np.frombuffer(words, np.float64, 3 * units, at).reshape(3, units), at + 24 * units
        hashes = np.frombuffer(words, np.uint64, units, at)
        zeros, at = counts(words, units, at + 8 * units, size)
        none = np.zeros(units, np.int64)
        nonfinite, at = counts(words, units, at, size) if self.odd else (none, at)
        outside, at = counts(words, units, at, size) if self._limited else (none, at)
        return (size, *sums, zeros, nonfinite, outside, np.frombuffer(words, np.uint8, units, at) == 0, hashes)


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
