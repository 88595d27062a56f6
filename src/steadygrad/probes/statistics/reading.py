"""Everything worth knowing about one tensor at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from steadygrad.kernels.loader import native
from steadygrad.probes.statistics import sample_statistics, source
from steadygrad.probes.statistics.element_moments import Moments
from steadygrad.probes.statistics.magnitude_histogram import Histogram
from steadygrad.probes.statistics.row import HEAD, NativeRow, Row
from steadygrad.probes.statistics.row_statistics import RowStatistics, rows_of
from steadygrad.probes.statistics.sample_statistics import SampleStatistics
from steadygrad.probes.statistics.unit_statistics import UnitStatistics


@dataclass(frozen=True)
class Reading:
    """What was measured of one tensor. Parts that were not asked for, or make no sense for its shape, are None."""

    moments: Moments
    histogram: Histogram | None = None
    units: UnitStatistics | None = None
    samples: SampleStatistics | None = None
    rows: RowStatistics | None = None

    def to_dict(self) -> dict[str, Any]:
        """Each part under its name, None where it is missing."""
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: part and part.to_dict() for name, part in parts.items()}


class Raw:
    """A tensor's numbers as they were read; `reading()` makes the records, which costs more than the reading."""

    __slots__ = ("_axis", "_row", "_rows", "_samples", "_units")

    def __init__(self, row: Row, axis: int | None, units: bool, samples: Any, rows: bool) -> None:
        self._row, self._axis, self._units, self._samples, self._rows = row, axis, units, samples, rows

    @property
    def odd(self) -> bool:
        """Whether anything is not finite."""
        return self._row.odd

    def reading(self) -> Reading:
        """The records."""
        row = self._row
        magnitudes = row.histogram()
        by_unit = None if self._axis is None else UnitStatistics.of((self._axis, *(row.units() or ())))
        return Reading(
            moments=Moments.of(row.moments()),
            histogram=None if magnitudes is None else Histogram.of(magnitudes),
            units=by_unit if self._units else None,
            samples=None if self._samples is None else sample_statistics.decoded(self._samples),
            rows=rows_of(by_unit) if self._rows and by_unit is not None else None,
        )


def elements(tensor: torch.Tensor, magnitudes: bool = True) -> Raw:
    """`take` of moments, and magnitudes where wanted, alone."""
    words = native.elements(tensor, magnitudes) if native is not None else None
    row = NativeRow(words, magnitudes) if words is not None else source.reader(tensor).row(magnitudes)
    return Raw(row, None, False, None, False)


def _note(found: dict[Any, Any], key: Any, magnitudes: bool, otherwise: Callable[..., Raw], tensor: torch.Tensor) -> None:
    found[key] = otherwise(tensor, magnitudes)


note = _note if native is None else native.note
"""note(found, key, magnitudes, otherwise, tensor): found[key] = `elements` of it, not even wrapped (see `wrapped`).

Tensors that cannot be read as they lie in memory go to `otherwise(tensor, magnitudes)`. For hooks, bound by
`functools.partial`: no line of Python runs.
"""


def wrapped(found: Mapping[Any, Any]) -> dict[Any, Raw]:
    """What `note` left, as raw readings."""
    plain = {key: value for key, value in found.items() if isinstance(value, bytes)}
    raws = {key: Raw(NativeRow(value, len(value) > HEAD.size), None, False, None, False) for key, value in plain.items()}
    return {key: raws.get(key, value) for key, value in found.items()}


def take(
    tensor: torch.Tensor,
    axis: int | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    magnitudes: bool = True,
    samples: bool = False,
    rows: bool = False,
    units: bool = True,
) -> Raw:
    """As `read`, without making records of it yet: for while a model runs."""
    if axis is None and not samples and not rows:
        return elements(tensor, magnitudes)
    reader = source.reader(tensor)
    place = None
    if (axis is not None or rows) and tensor.dim():
        place = source.axis_of(tensor, 0 if axis is None else axis, "read")
    found = sample_statistics.taken(reader) if samples and tensor.dim() > 1 else None
    return Raw(reader.row(magnitudes, place, low, high, sums=units and axis is not None), place, units and axis is not None, found, rows)


def read(
    tensor: torch.Tensor,
    axis: int | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    magnitudes: bool = True,
    samples: bool = False,
    rows: bool = False,
    units: bool = True,
) -> Reading:
    """The `Reading` of `tensor`: its moments, and whichever other parts are asked for and make sense for its shape.

    Args:
        tensor: any shape, dtype and device.
        axis: the unit axis; None, or a tensor without axes, leaves the units out.
        low, high: saturation thresholds of the units; see `units`.
        magnitudes: the histogram over exponents.
        samples: norms and cosines of samples along axis 0, for tensors with at least two axes.
        rows: equal and constant rows along `axis` (axis 0 when that is None), for parameters.
        units: False for rows alone.

    Raises:
        InputError: not a tensor, without values, or without that axis.
    """
    return take(tensor, axis, low=low, high=high, magnitudes=magnitudes, samples=samples, rows=rows, units=units).reading()
