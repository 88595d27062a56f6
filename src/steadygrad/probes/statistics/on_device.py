"""Statistics by torch operations: everything stays on the tensor's device until one small transfer at the end.

Counts, maxima and hashes are those of the definition in `steadygrad.kernels.definition`, bit for bit. Sums are float64
sums in whatever order the device takes: they differ from the definition's by at most (15 · 2⁻²⁴ + n · 2⁻⁵³) · Σ|x| (on devices
without float64, mps, they are float32 sums: n · 2⁻²⁴ · Σ|x|).
"""

from typing import Any

import numpy as np
import torch

from steadygrad.kernels import definition
from steadygrad.probes.statistics.eager import EagerReader


class DeviceReader(EagerReader):
    """Reads a strided floating tensor on any device."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()

    def moments(self) -> tuple[Any, ...]:
        x = self.tensor
        finite = torch.isfinite(x)
        sums = _sums(torch.where(finite, x, 0).flatten(), 0)
        counts = [x == 0, torch.isnan(x), torch.isposinf(x), torch.isneginf(x)]
        reals, integers = _fetch(torch.stack(sums), torch.stack([mask.sum() for mask in counts]))
        return (x.numel(), *reals.tolist(), *integers.tolist())

    def histogram(self) -> tuple[Any, ...]:
        x = self.tensor.flatten()
        zeros, finite = x == 0, torch.isfinite(x)
        kept = x[finite & ~zeros]
        kept = kept if kept.dtype == torch.float64 else kept.float()
        exponents = torch.frexp(kept).exponent.long() - 1
        places = exponents.clamp(definition.LOWEST, definition.HIGHEST) - definition.LOWEST
        bins = torch.bincount(places, minlength=definition.BINS)
        extra = torch.stack([zeros.sum(), (~finite).sum(), (kept.abs() >= definition.FP16_LARGEST).sum()])
        *counts, zero, bad, large = torch.cat([bins, extra]).tolist()
        return tuple(counts), x.numel(), zero, bad, large

    def units(self, axis: int, low: float | None, high: float | None) -> tuple[Any, ...]:
        shape = self.tensor.shape
        outer, inner = shape[:axis].numel(), shape[axis + 1 :].numel()
        x = self.tensor.reshape(outer, shape[axis], inner)
        if x.numel() == 0:
            return (outer * inner, *definition.no_entries(shape[axis]))
        finite = torch.isfinite(x)
        sums = _sums(torch.where(finite, x, 0), (0, 2))
        low, high = definition.threshold(low, high, x.dtype == torch.float64)
        whole = x if x.dtype == torch.float64 else x.float()
        outside = (whole < low) | (whole > high)
        bits = _bits(x)
        counts = [x == 0, ~finite, outside, bits != bits[:1, :, :1]]
        integers = torch.stack([mask.sum((0, 2)) for mask in counts] + [_hash(bits, x.dtype)])
        reals, (zeros, nonfinite, beyond, different, hashes) = _fetch(torch.stack(sums), integers)
        return (outer * inner, *reals, zeros, nonfinite, beyond, different == 0, hashes.view(np.uint64))


def _sums(x: torch.Tensor, axes: int | tuple[int, ...]) -> list[torch.Tensor]:
    """Σ x, Σ x² and max |x|, 0 for nothing, in the widest type the device has."""
    wide = torch.float32 if x.device.type == "mps" else torch.float64
    largest = x.abs().amax(axes) if x.numel() else x.sum(axes)
    return [x.sum(axes, dtype=wide), x.to(wide).square().sum(axes), largest.to(wide)]


def _fetch(reals: torch.Tensor, integers: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Both tensors as float64 and int64 arrays, in a single transfer."""
    as_bits = reals.view(torch.int64 if reals.dtype == torch.float64 else torch.int32).long()
    both = torch.cat([as_bits.flatten(), integers.flatten()]).cpu().numpy()
    first, second = np.split(both, [reals.numel()])
    if reals.dtype != torch.float64:
        first = first.astype(np.int32).view(np.float32).astype(np.float64).view(np.int64)
    return first.view(np.float64).reshape(reals.shape), second.reshape(integers.shape)


def _bits(x: torch.Tensor) -> torch.Tensor:
    """The bits of float64 entries, or of the float32 values of shorter ones, in int64."""
    x = x.contiguous()
    if x.dtype == torch.float64:
        return x.view(torch.int64)
    if x.dtype == torch.float32:
        return x.view(torch.int32).long() & 0xFFFFFFFF
    short = x.view(torch.int16).long()
    if x.dtype == torch.bfloat16:
        return (short << 16) & 0xFFFFFFFF
    size, sign = short & 0x7FFF, (short & 0x8000) << 16
    exact = x.float().view(torch.int32).long() & 0xFFFFFFFF
    return torch.where(size > 0x7C00, sign | 0x7F800000 | (size << 13), exact)


def _hash(bits: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Σ weight · mixed bits modulo 2⁶⁴ per unit, as in the definition; int64 arithmetic wraps the same way."""
    if dtype == torch.float64:
        mixed = bits * int(definition.MIX64.view(np.int64))
        mixed = mixed ^ ((mixed >> 32) & 0xFFFFFFFF)
    else:
        mixed = (bits * int(definition.MIX32)) & 0xFFFFFFFF
        mixed = mixed ^ (mixed >> 15)
    weights = definition.weights(bits.shape[0], bits.shape[2]).view(np.int64)
    return (mixed * torch.from_numpy(weights).to(bits.device)[:, None, :]).sum((0, 2))
