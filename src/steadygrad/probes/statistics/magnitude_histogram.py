"""How the magnitudes of one tensor spread over the exponents, and what half precision would do to them."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from steadygrad.probes.statistics import source
from steadygrad.probes.statistics.record import Record, share

LOWEST = -150
"""Exponent of the first bin; smaller magnitudes (float64 only) are counted in it."""
HIGHEST = 128
"""Exponent of the last bin; larger magnitudes (float64 only) are counted in it."""
FP16_LARGEST = 65504.0
"""The largest finite fp16 number."""
FP16_EXPONENTS = (-24, -14)
"""Exponents of the smallest subnormal and the smallest normal fp16 number."""
BF16_EXPONENTS = (-133, -126)
"""The same for bf16."""


@dataclass(frozen=True)
class Histogram(Record):
    """Counts of floor(log2 |x|) over the finite, non-zero entries.

    Fields:
        counts: one count per exponent from `LOWEST` (-150) to `HIGHEST` (128), ends clipped.
        count: all entries of the tensor.
        zeros, nonfinite: entries that are in no bin.
        fp16_overflow: finite entries with |x| >= 65504, the largest fp16 number.
    """

    counts: tuple[int, ...] = field(repr=False)
    count: int
    zeros: int
    nonfinite: int
    fp16_overflow: int

    derived: ClassVar[tuple[str, ...]] = (
        "fp16_overflow_share",
        "fp16_underflow_share",
        "fp16_subnormal_share",
        "fp16_unrepresentable_share",
        "bf16_overflow_share",
        "bf16_underflow_share",
        "bf16_subnormal_share",
    )

    def below(self, exponent: int) -> int:
        """How many entries have 0 < |x| < 2^exponent; exact for exponents from -149 to 128."""
        return sum(self.counts[: max(0, exponent - LOWEST)])

    @property
    def binned(self) -> int:
        """Finite, non-zero entries."""
        return self.count - self.zeros - self.nonfinite

    @property
    def fp16_overflow_share(self) -> float:
        """Share at risk of overflow in fp16: finite with |x| >= 65504."""
        return share(self.fp16_overflow, self.count)

    @property
    def fp16_underflow_share(self) -> float:
        """Share with 0 < |x| < 2⁻²⁴, below the smallest fp16 subnormal."""
        return share(self.below(FP16_EXPONENTS[0]), self.count)

    @property
    def fp16_subnormal_share(self) -> float:
        """Share with 0 < |x| < 2⁻¹⁴: fp16 keeps fewer than its 11 significant bits, or none."""
        return share(self.below(FP16_EXPONENTS[1]), self.count)

    @property
    def fp16_unrepresentable_share(self) -> float:
        """Share that fp16 loses at either end: overflow and underflow together."""
        return self.fp16_overflow_share + self.fp16_underflow_share

    @property
    def bf16_overflow_share(self) -> float:
        """Share with |x| >= 2^128, beyond bf16 and float32 alike; only float64 tensors can have any."""
        return share(self.counts[-1], self.count)

    @property
    def bf16_underflow_share(self) -> float:
        """Share with 0 < |x| < 2⁻¹³³, below the smallest bf16 subnormal."""
        return share(self.below(BF16_EXPONENTS[0]), self.count)

    @property
    def bf16_subnormal_share(self) -> float:
        """Share with 0 < |x| < 2⁻¹²⁶, the smallest normal bf16 and float32 number."""
        return share(self.below(BF16_EXPONENTS[1]), self.count)

    def quantile(self, p: float) -> float:
        """|x| below which a share `p` of the finite, non-zero entries lies; log2-linear inside a bin, nan without any.

        The true quantile lies in the same octave, so the answer is within a factor of 2 of it.
        """
        if not self.binned:
            return math.nan
        rank, seen = p * self.binned, 0
        for place, inside in enumerate(self.counts):
            if inside and seen + inside >= rank:
                return 2.0 ** (LOWEST + place + (rank - seen) / inside)
            seen += inside
        return 2.0**HIGHEST

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            self.count + other.count,
            self.zeros + other.zeros,
            self.nonfinite + other.nonfinite,
            self.fp16_overflow + other.fp16_overflow,
        )

    def to_dict(self) -> dict[str, Any]:
        """As every record, with the occupied bins only: `bins` maps an exponent to its count."""
        occupied = {str(LOWEST + place): inside for place, inside in enumerate(self.counts) if inside}
        return {**super().to_dict(), "bins": occupied}


def histogram(tensor: torch.Tensor) -> Histogram:
    """`Histogram` of the magnitudes of all entries of `tensor`: any shape, dtype and device, one pass.

    Raises:
        InputError: not a tensor, or a tensor without values (meta device).
    """
    return Histogram.of(source.reader(tensor).histogram())
