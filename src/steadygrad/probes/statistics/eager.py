"""What readers have in common that compute one record after the other: the definition's and the devices'."""

from typing import Any

import numpy as np
import torch

from steadygrad.probes.statistics.row import ReadyRow


class EagerReader:
    """What follows from moments, histograms and units read one by one."""

    tensor: torch.Tensor

    def moments(self) -> tuple[Any, ...]:
        """Fields of `Moments`."""
        raise NotImplementedError

    def histogram(self) -> tuple[Any, ...]:
        """Fields of `Histogram`."""
        raise NotImplementedError

    def units(self, axis: int, low: float | None, high: float | None) -> tuple[Any, ...]:
        """Fields of `UnitStatistics` after `axis`."""
        raise NotImplementedError

    def elements(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Moments and histogram."""
        return self.moments(), self.histogram()

    def row(self, magnitudes: bool, axis: int | None = None, low: float | None = None, high: float | None = None, sums: bool = True) -> ReadyRow:
        """Everything asked for."""
        by_unit = None if axis is None else self.units(axis, low, high)
        return ReadyRow(self.moments(), self.histogram() if magnitudes else None, by_unit)

    def squares(self) -> np.ndarray:
        """Σ x² of the finite entries of each sample along axis 0."""
        return self.units(0, None, None)[2]
