"""One row of numbers per unit (channel, feature, neuron): who is dead, stuck, saturated, or a copy of another."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from steadygrad.probes.statistics import source
from steadygrad.probes.statistics.record import Record


def groups_of_equal(hashes: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Indices that share a hash, in groups of two or more; groups and members in ascending order. O(n log n)."""
    order = np.argsort(hashes, kind="stable")
    repeats = np.flatnonzero(np.diff(hashes[order]) == 0)
    if not len(repeats):
        return ()
    starts = repeats[np.flatnonzero(np.diff(repeats, prepend=-2) > 1)]
    ends = repeats[np.flatnonzero(np.diff(repeats, append=len(order) + 1) > 1)] + 2
    return tuple(sorted(tuple(order[start:end].tolist()) for start, end in zip(starts, ends, strict=True)))


def _where(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())


@dataclass(frozen=True, eq=False)
class UnitStatistics(Record):
    """Numbers per unit, over all samples and positions. Arrays have one entry per unit.

    Fields:
        axis: the unit axis that was asked for, counted from 0.
        size: entries per unit (samples × positions; a complex number counts as two).
        sum, square, absmax: float64, over the finite entries, as in `Moments`.
        zeros, nonfinite: entries equal to 0; entries that are NaN or infinite.
        outside: entries with x < low or x > high; all 0 when neither was given.
        constant: bool, all entries of the unit have the same bits (always true at size 1).
        hash: uint64 of the unit's entries in order; equal for bit-identical units, and different for two different
            ones but for a chance of about 2⁻⁶⁰.
    """

    axis: int
    size: int
    sum: np.ndarray = field(repr=False)
    square: np.ndarray = field(repr=False)
    absmax: np.ndarray = field(repr=False)
    zeros: np.ndarray = field(repr=False)
    nonfinite: np.ndarray = field(repr=False)
    outside: np.ndarray = field(repr=False)
    constant: np.ndarray = field(repr=False)
    hash: np.ndarray = field(repr=False)

    derived: ClassVar[tuple[str, ...]] = ("units", "dead", "stuck", "saturated", "duplicate_groups")

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.sum)

    @property
    def mean(self) -> np.ndarray:
        """(1/n) Σ x per unit over its finite entries; nan where it has none."""
        return self._per_finite(self.sum)

    @property
    def q(self) -> np.ndarray:
        """Second moment (1/n) Σ x² per unit; nan where it has no finite entry."""
        return self._per_finite(self.square)

    @property
    def variance(self) -> np.ndarray:
        """q − mean² per unit, never below 0; it cancels when |mean| ≫ std, `constant` does not."""
        return np.maximum(self.q - self.mean**2, 0.0)

    def _per_finite(self, total: np.ndarray) -> np.ndarray:
        finite = self.size - self.nonfinite
        return np.divide(total, finite, out=np.full(len(total), np.nan), where=finite > 0)

    @property
    def zero_share(self) -> np.ndarray:
        """zeros / size per unit."""
        return self.zeros / max(self.size, 1)

    @property
    def outside_share(self) -> np.ndarray:
        """outside / size per unit."""
        return self.outside / max(self.size, 1)

    @property
    def dead(self) -> tuple[int, ...]:
        """Units that are zero for every sample and position."""
        return _where((self.zeros == self.size) & (self.size > 0))

    @property
    def stuck(self) -> tuple[int, ...]:
        """Units with one and the same non-zero value for every sample and position; empty at size 1."""
        return _where(self.constant & (self.zeros < self.size)) if self.size > 1 else ()

    @property
    def saturated(self) -> tuple[int, ...]:
        """Units with at least 99 % of their entries outside [low, high]."""
        return self.saturated_at(0.99)

    def saturated_at(self, share: float) -> tuple[int, ...]:
        """Units with at least `share` of their entries outside [low, high]."""
        return _where((self.outside >= share * self.size) & (self.outside > 0))

    @property
    def duplicate_groups(self) -> tuple[tuple[int, ...], ...]:
        """Groups of bit-identical units, dead and stuck ones included."""
        return groups_of_equal(self.hash) if self.size else ()

    @property
    def twins(self) -> tuple[tuple[int, ...], ...]:
        """Groups of bit-identical units that vary over the batch: neither dead nor stuck."""
        return tuple(group for group in self.duplicate_groups if not self.constant[group[0]])


def units(tensor: torch.Tensor, axis: int, low: float | None = None, high: float | None = None) -> UnitStatistics:
    """`UnitStatistics` of `tensor` seen as (outer, units, inner), the unit axis in the middle; one pass.

    Args:
        tensor: at least one axis; any dtype, device and memory layout.
        axis: the unit axis (1 for convolution activations, -1 for linear layers); negative counts from the end.
        low, high: an entry below `low` or above `high` counts as outside, for example where |φ'| is under 1 % of its
            maximum, given the pre-activations. None leaves that side open.

    Raises:
        InputError: not a tensor, without values, without axes, or without that axis.
    """
    place = source.axis_of(tensor, axis, "units")
    return UnitStatistics.of((place, *source.reader(tensor).units(place, low, high)))
