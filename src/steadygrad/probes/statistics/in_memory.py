"""Statistics of CPU memory: by the C kernel, or by its NumPy definition. Both give the same bits.

Memory is read where it lies whenever it is dense, in whatever order its axes are stored (channels_last, transposed):
counts and maxima do not depend on the order, sums only in their rounding (bound: `steadygrad.kernels.definition`). Only
tensors with gaps or overlaps (slices, expanded scalars) are copied first.
"""

import math
from typing import Any

import numpy as np
import torch

from steadygrad.kernels import definition
from steadygrad.kernels.loader import native
from steadygrad.probes.statistics.eager import EagerReader
from steadygrad.probes.statistics.row import NativeRow

CODES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
"""Number types as the kernel counts them."""


def dense(tensor: torch.Tensor) -> tuple[torch.Tensor, tuple[int, ...]]:
    """A contiguous view of `tensor` with its axes in storage order (or else a copy), and that order."""
    order = tuple(range(tensor.ndim))
    if tensor.is_contiguous():
        return tensor, order
    stored = tuple(sorted(order, key=lambda a: (-tensor.stride(a), a)))
    view = tensor.detach().permute(stored)
    return (view, stored) if view.is_contiguous() else (tensor.detach().contiguous(), order)


def split(tensor: torch.Tensor, axis: int) -> tuple[torch.Tensor, int, int, int]:
    """Contiguous memory of `tensor` as (outer, units, inner), with `axis` as the units."""
    memory, order = dense(tensor)
    shape, place = memory.shape, order.index(axis)
    return memory, math.prod(shape[:place]), shape[place], math.prod(shape[place + 1 :])


class NativeReader:
    """Reads by the C kernel, with as many threads as torch uses; threads do not change the numbers."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def row(self, magnitudes: bool, axis: int | None = None, low: float | None = None, high: float | None = None, sums: bool = True) -> NativeRow:
        """Everything asked for, from one call; without `sums` of each unit a row takes a third of the memory."""
        kind, threads = CODES[self.tensor.dtype], torch.get_num_threads()
        if axis is None:
            memory = dense(self.tensor)[0]
            return NativeRow(native.read(memory.data_ptr(), 1, 1, memory.numel(), kind, threads, magnitudes), magnitudes)
        memory, outer, units, inner = split(self.tensor, axis)
        limits = definition.threshold(low, high, memory.dtype == torch.float64)
        words = native.read(memory.data_ptr(), outer, units, inner, kind, threads, (2 if sums else 6) | magnitudes, *limits)
        return NativeRow(words, magnitudes, units, outer * inner, limits != (-math.inf, math.inf), sums)

    def squares(self) -> np.ndarray:
        """Σ x² of the finite entries of each sample along axis 0."""
        memory = self.tensor
        if not memory.is_contiguous():
            return self.units(0, None, None)[2]
        count = memory.shape[0]
        size = memory.numel() // count if count else 0
        return np.frombuffer(native.squares(memory.data_ptr(), count, size, CODES[memory.dtype]), np.float64)

    def moments(self) -> tuple[Any, ...]:
        return self.row(False).moments()

    def histogram(self) -> tuple[Any, ...]:
        return self.elements()[1]

    def elements(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Moments and histogram from one pass."""
        row = self.row(True)
        return row.moments(), row.histogram() or ()

    def units(self, axis: int, low: float | None, high: float | None) -> tuple[Any, ...]:
        return self.row(False, axis, low, high).units() or ()


class DefinitionReader(EagerReader):
    """Reads by the NumPy definition."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()

    def _array(self, memory: torch.Tensor) -> np.ndarray:
        if memory.dtype in (torch.float32, torch.float64):
            return memory.numpy()
        return definition.widened(memory.view(torch.int16).numpy().view(np.uint16), memory.dtype == torch.bfloat16)

    def moments(self) -> tuple[Any, ...]:
        return definition.moments(self._array(dense(self.tensor)[0]).reshape(-1))

    def histogram(self) -> tuple[Any, ...]:
        return definition.histogram(self._array(dense(self.tensor)[0]).reshape(-1))

    def units(self, axis: int, low: float | None, high: float | None) -> tuple[Any, ...]:
        memory, outer, units, inner = split(self.tensor, axis)
        array = self._array(memory).reshape(outer, units, inner)
        limits = definition.threshold(low, high, memory.dtype == torch.float64)
        return (outer * inner, *definition.units(array, *limits))
