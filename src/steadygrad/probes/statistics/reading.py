"""Everything worth knowing about one tensor at once."""

from dataclasses import dataclass
from typing import Any

import torch

from steadygrad.probes.statistics import source
from steadygrad.probes.statistics.element_moments import Moments
from steadygrad.probes.statistics.magnitude_histogram import Histogram
from steadygrad.probes.statistics.row_statistics import RowStatistics, rows_of
from steadygrad.probes.statistics.sample_statistics import SampleStatistics, samples_of
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


def read(
    tensor: torch.Tensor,
    axis: int | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    magnitudes: bool = True,
    samples: bool = False,
    rows: bool = False,
) -> Reading:
    """The `Reading` of `tensor`: its moments, and whichever other parts are asked for and make sense for its shape.

    Args:
        tensor: any shape, dtype and device.
        axis: the unit axis; None, or a tensor without axes, leaves the units out.
        low, high: saturation thresholds of the units; see `units`.
        magnitudes: the histogram over exponents.
        samples: norms and cosines of samples along axis 0, for tensors with at least two axes.
        rows: equal and constant rows along `axis` (axis 0 when that is None), for parameters.

    Raises:
        InputError: not a tensor, without values, or without that axis.
    """
    reader = source.reader(tensor)
    by_unit = None
    if tensor.dim() and (axis is not None or rows):
        place = source.axis_of(tensor, 0 if axis is None else axis, "read")
        by_unit = UnitStatistics.of((place, *reader.units(place, low, high)))
    first, second = reader.elements() if magnitudes else (reader.moments(), None)
    return Reading(
        moments=Moments.of(first),
        histogram=Histogram.of(second) if second else None,
        units=by_unit if axis is not None else None,
        samples=samples_of(reader) if samples and tensor.dim() > 1 else None,
        rows=rows_of(by_unit) if rows and by_unit is not None else None,
    )
