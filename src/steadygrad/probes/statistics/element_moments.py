"""Count, mean, second moment and the entries that are not numbers, of one tensor."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygrad.probes.statistics import source
from steadygrad.probes.statistics.record import Record, share


@dataclass(frozen=True)
class Moments(Record):
    """First two moments of the finite entries, and counts of everything else.

    Fields:
        count: all entries (a complex number counts as two: its real and its imaginary part).
        sum, square: Σ x and Σ x² over the finite entries, to a millionth of Σ|x| and Σx², of float64 and wherever float32
            does not serve to 2⁻⁵³ times the depth of the sum (`steadygrad.kernels.definition`). `square` is inf where a
            float64 x² overflows.
        absmax: max |x| over the finite entries, 0 when there is none.
        zeros: entries equal to 0 (of either sign).
        nan, posinf, neginf: entries that are not finite; they are left out of the sums.

    Adding two records gives the record of the concatenated tensors (sums to rounding, everything else exactly), so a
    quantity can be followed over many batches.

    Example:
        >>> both = Moments(2, 1.0, 5.0, 2.0, 0, 0, 0, 0) + Moments(2, 3.0, 9.0, 3.0, 1, 0, 0, 0)
        >>> both.mean, both.q, both.absmax, both.zero_share
        (1.0, 3.5, 3.0, 0.25)
    """

    count: int
    sum: float
    square: float
    absmax: float
    zeros: int
    nan: int
    posinf: int
    neginf: int

    derived: ClassVar[tuple[str, ...]] = ("mean", "q", "rms", "variance", "zero_share", "nonfinite_share")

    @property
    def nonfinite(self) -> int:
        """Entries that are NaN or infinite."""
        return self.nan + self.posinf + self.neginf

    @property
    def finite(self) -> int:
        """Entries the sums run over."""
        return self.count - self.nonfinite

    @property
    def mean(self) -> float:
        """(1/n) Σ x over the n finite entries; nan when n = 0."""
        return self.sum / self.finite if self.finite else math.nan

    @property
    def q(self) -> float:
        """Second moment (1/n) Σ x²; nan when n = 0."""
        return self.square / self.finite if self.finite else math.nan

    @property
    def rms(self) -> float:
        """√q."""
        return math.sqrt(self.q)

    @property
    def norm(self) -> float:
        """‖x‖₂ = √(Σ x²)."""
        return math.sqrt(self.square)

    @property
    def variance(self) -> float:
        """q − mean², never below 0. Cancels when |mean| ≫ std: its absolute error is about 2⁻⁵² q where mean² > q/2, else 2⁻¹⁹ q."""
        return max(0.0, self.q - self.mean**2) if self.finite else math.nan

    @property
    def std(self) -> float:
        """√variance."""
        return math.sqrt(self.variance)

    @property
    def zero_share(self) -> float:
        """zeros / count."""
        return share(self.zeros, self.count)

    @property
    def nonfinite_share(self) -> float:
        """nonfinite / count."""
        return share(self.nonfinite, self.count)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.count + other.count,
            self.sum + other.sum,
            self.square + other.square,
            max(self.absmax, other.absmax),
            self.zeros + other.zeros,
            self.nan + other.nan,
            self.posinf + other.posinf,
            self.neginf + other.neginf,
        )


def moments(tensor: torch.Tensor) -> Moments:
    """`Moments` of all entries of `tensor`: any shape, any dtype, any device, one pass.

    Args:
        tensor: read, never changed. Complex tensors are read as their real and imaginary parts, integer and boolean
            ones are converted exactly (int64 beyond 2⁵³ rounds), of a distributed tensor the local shard is read.

    Raises:
        InputError: not a tensor, or a tensor without values (meta device).
    """
    return Moments.of(source.reader(tensor).moments())
