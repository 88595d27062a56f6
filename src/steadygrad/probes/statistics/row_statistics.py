"""Rows of a parameter that are equal to each other, or made of one number: symmetry that training cannot break."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygrad.probes.statistics.record import Record
from steadygrad.probes.statistics.unit_statistics import UnitStatistics, units


@dataclass(frozen=True)
class RowStatistics(Record):
    """What rows of a parameter have in common.

    Fields:
        rows: how many there are; size: entries per row.
        zero_rows: rows of zeros only.
        constant_rows: rows of one repeated non-zero value (never at size 1).
        duplicate_groups: groups of bit-identical rows, zero and constant ones included.
        all_equal: all entries of the tensor have the same bits; True for an empty tensor and for one entry.
    """

    rows: int
    size: int
    zero_rows: tuple[int, ...]
    constant_rows: tuple[int, ...]
    duplicate_groups: tuple[tuple[int, ...], ...]
    all_equal: bool

    derived: ClassVar[tuple[str, ...]] = ("duplicate_share",)

    @property
    def duplicate_share(self) -> float:
        """Share of rows that repeat an earlier one: 0 … 1 − 1/rows."""
        return sum(len(group) - 1 for group in self.duplicate_groups) / max(self.rows, 1)


def rows_of(statistics: UnitStatistics) -> RowStatistics:
    """The same facts from a pass that was made already with the row axis as unit axis."""
    alike = len(set(statistics.hash.tolist())) <= 1
    return RowStatistics(
        rows=statistics.units,
        size=statistics.size,
        zero_rows=statistics.dead,
        constant_rows=statistics.stuck,
        duplicate_groups=statistics.duplicate_groups,
        all_equal=alike and bool(statistics.constant.all()),
    )


def rows(tensor: torch.Tensor, axis: int = 0) -> RowStatistics:
    """`RowStatistics` of `tensor`, whose rows (output units of a weight) are counted along `axis`.

    Raises:
        InputError: not a tensor, without values, without axes, or without that axis.
    """
    return rows_of(units(tensor, axis))
