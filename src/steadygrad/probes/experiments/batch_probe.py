"""What the batch holds beyond its moments: where it is not finite, whether samples differ, how features and classes spread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.storage import replaceable
from steadygrad.probes.session import Session

MOST = 1 << 20
"""Tensors are read up to this many entries; scale and spread need no more."""
QUANTILES = (0.0, 0.001, 0.01, 0.05, *(i / 10 for i in range(1, 10)), 0.95, 0.99, 0.999, 1.0)
CLASSES = 10_000
SPACED = 1 << 16
SEEN = 5
"""Entries that are not zero from which the scale of a feature can be read."""


@dataclass(frozen=True)
class BatchTensor:
    """One tensor of the batch.

    Fields:
        first_nonfinite: index of the first entry that is NaN or infinite; None when all are finite.
        identical: every sample (slice along axis 0) equals the first; False for fewer than two samples.
        scales: of an (N, features) float tensor, the smallest and largest root mean square over the non-zero entries of
            a feature that varies and is not zero in `SEEN` samples or a twentieth of them, with the two feature numbers; None otherwise.
        quantiles: at `QUANTILES` of up to 65,536 evenly spaced entries of a float tensor; () without a finite one.
        classes: value → count for integer tensors and whole-numbered targets of at most 10,000 distinct values, else {}.
        row_sum: smallest and largest sum along axis 1 of a float target with at least two axes; None otherwise.
    """

    first_nonfinite: tuple[int, ...] | None = None
    identical: bool = False
    scales: tuple[float, float, int, int] | None = None
    quantiles: tuple[float, ...] = ()
    classes: Mapping[int, int] = field(default_factory=dict)
    row_sum: tuple[float, float] | None = None


class BatchProbe:
    """Reads inputs and targets once; costs one pass over the batch."""

    name: ClassVar[str] = "batch"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """On data that somebody gave; made-up inputs say nothing."""
        return not session.case.generated

    def run(self, session: Session) -> dict[str, BatchTensor]:
        """Tensor name → what was seen."""
        seen = {name: look_at(tensor, False) for name, tensor in named_tensors(session.case.inputs, "inputs") if _real(tensor)}
        return seen | {name: look_at(tensor, True) for name, tensor in named_tensors(session.case.targets, "targets") if _real(tensor)}


def _real(tensor: torch.Tensor) -> bool:
    return replaceable(tensor) and tensor.numel() > 0 and not tensor.is_complex()


def look_at(tensor: torch.Tensor, is_target: bool) -> BatchTensor:
    """The `BatchTensor` of any real dense tensor."""
    value = tensor.detach()
    if value.numel() > MOST and value.ndim:
        value = value[: max(2, MOST // max(value[0].numel(), 1))]
    if not value.is_floating_point():
        return BatchTensor(identical=_identical(value), classes=_classes(value))
    target = (_classes(value), _row_sum(value)) if is_target else ()
    return BatchTensor(_first_nonfinite(value), _identical(value), _scales(value), _quantiles(value), *target)


def _first_nonfinite(value: torch.Tensor) -> tuple[int, ...] | None:
    bad = ~torch.isfinite(value)
    if not bool(bad.any()):
        return None
    return tuple(int(i) for i in torch.unravel_index(bad.flatten().byte().argmax(), value.shape))


def _identical(value: torch.Tensor) -> bool:
    return value.ndim > 0 and value.shape[0] > 1 and bool((value == value[:1]).all())


def _scales(value: torch.Tensor) -> tuple[float, float, int, int] | None:
    if value.ndim != 2 or min(value.shape) < 2 or not bool(torch.isfinite(value).all()):
        return None
    wide = value.double()
    used = wide.ne(0).sum(0)
    rms = (wide.square().sum(0) / used.clamp_min(1)).sqrt()
    enough = used >= min(len(wide), max(SEEN, len(wide) // 20))
    varies = torch.nonzero((wide != wide[:1]).any(0) & enough).flatten()
    if len(varies) < 2:
        return None
    small, large = varies[rms[varies].argmin()], varies[rms[varies].argmax()]
    return float(rms[small]), float(rms[large]), int(small), int(large)


def _quantiles(value: torch.Tensor) -> tuple[float, ...]:
    flat = value.flatten()
    flat = flat[:: max(1, -(-len(flat) // SPACED))].double()
    flat = flat[torch.isfinite(flat)].sort().values
    if not len(flat):
        return ()
    return tuple(float(flat[round(q * (len(flat) - 1))]) for q in QUANTILES)


def _classes(value: torch.Tensor) -> dict[int, int]:
    if value.is_floating_point() and not bool((value == value.round()).all()):
        return {}
    found, counts = torch.unique(value, return_counts=True)
    return {int(k): int(n) for k, n in zip(found.tolist(), counts.tolist(), strict=True)} if len(found) <= CLASSES else {}


def _row_sum(value: torch.Tensor) -> tuple[float, float] | None:
    if value.ndim < 2:
        return None
    sums = value.double().sum(1)
    return float(sums.min()), float(sums.max())
