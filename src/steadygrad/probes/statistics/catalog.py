"""The statistics by name, each with what it costs: what a monitor may choose from, and what the contract tests run over."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from steadygrad.probes.statistics.element_moments import moments
from steadygrad.probes.statistics.magnitude_histogram import histogram
from steadygrad.probes.statistics.record import Record
from steadygrad.probes.statistics.row_statistics import rows
from steadygrad.probes.statistics.sample_statistics import samples
from steadygrad.probes.statistics.unit_statistics import units
from steadygrad.registry import Catalogue


@dataclass(frozen=True)
class Statistic:
    """One way of looking at a tensor.

    Fields:
        name: how it is selected.
        observe: tensor → record; changes nothing, draws nothing.
        cost: "pass" (reads memory once) or "product" (also a small matrix product).
        unit: what its numbers are counted in.
        axes: how many axes the tensor needs at least.
    """

    name: str
    observe: Callable[[torch.Tensor], Record]
    cost: str
    unit: str
    axes: int = 0


def _channels(tensor: torch.Tensor) -> Record:
    return units(tensor, axis=min(1, tensor.dim() - 1))


statistics = Catalogue(
    "statistics",
    (
        Statistic("moments", moments, "pass", "the tensor's own unit, its square, and entries"),
        Statistic("histogram", histogram, "pass", "entries per octave of magnitude"),
        Statistic("units", _channels, "pass", "as moments, per unit along axis 1", axes=1),
        Statistic("samples", samples, "product", "the tensor's own unit; cosines have none", axes=1),
        Statistic("rows", rows, "pass", "rows along axis 0", axes=1),
    ),
)
