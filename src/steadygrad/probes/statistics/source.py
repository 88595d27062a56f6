"""From any tensor to something that can be read in one pass: who reads it, and what had to be done first.

Three readers give the same numbers: the C kernel for CPU memory, its NumPy definition when the kernel was not built, and
torch operations for every other device. Readers have `tensor` and return the fields of the records in order: one by one
(`moments()`, `histogram()`, `units(axis, low, high)`, `squares()`) or as a `Row` of all that is wanted.
"""

from typing import Any, Protocol

import numpy as np
import torch

from steadygrad.errors import InputError
from steadygrad.graph.storage import PLAIN
from steadygrad.kernels.loader import native
from steadygrad.probes.statistics.in_memory import DefinitionReader, NativeReader
from steadygrad.probes.statistics.on_device import DeviceReader
from steadygrad.probes.statistics.row import Row

READABLE = frozenset({torch.float32, torch.float64, torch.float16, torch.bfloat16})
"""Floating types that are read as they are."""
SMALL_INTEGERS = frozenset({torch.bool, torch.uint8, torch.int8, torch.int16})
"""Types whose every value float32 holds exactly."""
if native is not None:
    native.introduce(PLAIN, torch.get_num_threads, getattr(torch.Tensor, "__dlpack_c_exchange_api__", None))


class Reader(Protocol):
    """What the statistics need from a tensor; see the three implementations."""

    tensor: torch.Tensor

    def moments(self) -> tuple[Any, ...]:
        """Fields of `Moments`."""

    def histogram(self) -> tuple[Any, ...]:
        """Fields of `Histogram`."""

    def elements(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Both of these, from one pass where possible."""

    def row(self, magnitudes: bool, axis: int | None = None, low: float | None = None, high: float | None = None, sums: bool = True) -> Row:
        """Moments; the histogram and the units along `axis` where asked for, whose sums may be missing without `sums`."""

    def squares(self) -> np.ndarray:
        """Σ x² of the finite entries of each sample along axis 0."""

    def units(self, axis: int, low: float | None, high: float | None) -> tuple[Any, ...]:
        """Fields of `UnitStatistics` after `axis`."""


def reader(tensor: torch.Tensor) -> Reader:
    """The fastest reader for `tensor`.

    Raises:
        InputError: not a tensor, or one without values.
    """
    if type(tensor) not in PLAIN or tensor.dtype not in READABLE or tensor.layout is not torch.strided:
        tensor = readable(tensor)
    if not tensor.is_cpu:
        return DeviceReader(readable(tensor))
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    return DefinitionReader(tensor) if native is None else NativeReader(tensor)


def readable(tensor: torch.Tensor) -> torch.Tensor:
    """`tensor` as a plain strided tensor of a readable floating type; a trailing axis of 2 for a complex one.

    Raises:
        InputError: not a tensor, or one without values (meta device).
    """
    if not isinstance(tensor, torch.Tensor):
        raise InputError(f"statistics: a torch.Tensor is read, got {type(tensor).__name__}; call torch.as_tensor first")
    tensor = tensor.detach()
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()
    if tensor.is_meta:
        raise InputError(f"statistics: a meta tensor of shape {tuple(tensor.shape)} has no values; materialise it first")
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout is not torch.strided:
        tensor = tensor.values() if tensor.layout is torch.jagged else tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.dtype in READABLE:
        return tensor
    small = tensor.dtype in SMALL_INTEGERS or tensor.is_floating_point() or tensor.device.type == "mps"
    return tensor.to(torch.float32 if small else torch.float64)


def notes(tensor: torch.Tensor) -> tuple[str, ...]:
    """What a reader of the numbers should know about how `tensor` was read; empty for an ordinary floating tensor."""
    facts = (
        (hasattr(tensor, "to_local"), "distributed tensor: only the shard of this process was read"),
        (tensor.is_complex(), "complex tensor: real and imaginary parts were read as separate entries"),
        (tensor.layout not in (torch.strided, torch.jagged), "sparse tensor: read as dense, absent entries are zeros"),
        (tensor.is_quantized, "quantized tensor: read after dequantization"),
    )
    return tuple(text for holds, text in facts if holds)


def axis_of(tensor: torch.Tensor, axis: int, name: str) -> int:
    """`axis` counted from 0.

    Raises:
        InputError: not a tensor, or no such axis.
    """
    if not isinstance(tensor, torch.Tensor):
        raise InputError(f"{name}: a torch.Tensor is read, got {type(tensor).__name__}; call torch.as_tensor first")
    rank = tensor.dim()
    if not -rank <= axis < rank:
        raise InputError(
            f"{name}: axis {axis} must be one of the {rank} axes of the tensor, got shape {tuple(tensor.shape)}; reshape it, or use moments() for a scalar"
        )
    return axis % rank
