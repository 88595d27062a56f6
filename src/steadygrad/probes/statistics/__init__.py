"""One-pass statistics of any tensor: `moments`, `histogram`, `units`, `samples`, `rows`, and `read` for all of them.

>>> import torch
>>> from steadygrad.probes import statistics
>>> found = statistics.moments(torch.tensor([1.0, -3.0, 0.0, float("nan")]))
>>> found.q, found.absmax, found.zeros, found.nan
(3.3333333333333335, 3.0, 1, 1)
>>> statistics.units(torch.tensor([[0.0, 1.0, 1.0], [0.0, 2.0, 2.0]]), axis=1).twins
((1, 2),)
"""

from steadygrad.probes.statistics.element_moments import Moments, moments
from steadygrad.probes.statistics.magnitude_histogram import Histogram, histogram
from steadygrad.probes.statistics.reading import Raw, Reading, elements, note, read, take, wrapped
from steadygrad.probes.statistics.row_statistics import RowStatistics, rows
from steadygrad.probes.statistics.sample_statistics import SampleStatistics, samples
from steadygrad.probes.statistics.source import notes
from steadygrad.probes.statistics.unit_statistics import UnitStatistics, units

__all__ = [
    "Histogram",
    "Moments",
    "Raw",
    "Reading",
    "RowStatistics",
    "SampleStatistics",
    "UnitStatistics",
    "elements",
    "histogram",
    "moments",
    "note",
    "notes",
    "read",
    "rows",
    "samples",
    "take",
    "units",
    "wrapped",
]
