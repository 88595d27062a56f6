"""Plain records of what to draw: a law for the entries of a tensor, and the fans it is derived from."""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError

KINDS = ("constant", "uniform", "normal", "truncated_normal")


@dataclass(frozen=True)
class Fans:
    """How many products meet in one output entry, and how many output entries one input entry reaches.

    Attributes:
        fan_in: products summed into one output entry.
        fan_out: output entries that one input entry contributes to; may be fractional under strides.

    Example:
        >>> Fans(fan_in=784.0, fan_out=100.0).fan_out
        100.0
    """

    fan_in: float
    fan_out: float


@dataclass(frozen=True)
class Law:
    """The distribution of independent entries: mean + scale·x, x standard for its kind.

    Made by `constant`, `uniform`, `normal` and `truncated_normal` below.

    Attributes:
        kind: "constant" (x = 0), "uniform" (x uniform in (−1, 1)), "normal" (x ~ N(0, 1)), or "truncated_normal"
            (x ~ N(0, 1) given |x| ≤ bound).
        mean: centre of the distribution.
        scale: half the width of a uniform law, the standard deviation of the normal before truncation.
        bound: where a truncated normal is cut, in units of `scale`.

    Raises:
        InputError: unknown kind; mean or scale not finite, scale negative, bound not positive.
    """

    kind: str
    mean: float = 0.0
    scale: float = 0.0
    bound: float = math.inf

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"`kind` of a law must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not (math.isfinite(self.mean) and math.isfinite(self.scale) and self.scale >= 0.0):
            raise InputError(f"a {self.kind} law must have a finite mean and scale ≥ 0, got {self.mean!r}, {self.scale!r}")
        if not self.bound > 0.0:
            raise InputError(f"`bound` of a {self.kind} law must be positive, got {self.bound!r}")

    @property
    def std(self) -> float:
        """The standard deviation: scale/√3 for uniform, scale·√(1 − 2b·density(b)/P(|x| ≤ b)) for truncated normal.

        Example:
            >>> round(truncated_normal(1.0, bound=2.0).std, 7)
            0.8796257
        """
        if self.kind == "constant":
            return 0.0
        if self.kind == "uniform":
            return self.scale / math.sqrt(3.0)
        if self.kind == "normal" or self.bound == math.inf:
            return self.scale
        b = self.bound
        density, inside = math.exp(-0.5 * b * b) / math.sqrt(2.0 * math.pi), math.erf(b / math.sqrt(2.0))
        return self.scale * math.sqrt(max(1.0 - 2.0 * b * density / inside, 0.0))


def constant(value: float) -> Law:
    """Every entry is `value`.

    Example:
        >>> constant(0.5).std
        0.0
    """
    return Law("constant", mean=value)


def uniform(low: float, high: float) -> Law:
    """Uniform between low and high, ends excluded; its standard deviation is (high − low)/√12.

    Raises:
        InputError: low exceeds high.

    Example:
        >>> round(uniform(-1.0, 1.0).std, 6)
        0.57735
    """
    if not low <= high:
        raise InputError(f"`uniform(low, high)` must have low ≤ high, got {low!r} and {high!r}")
    return Law("uniform", mean=(low + high) / 2.0, scale=(high - low) / 2.0)


def normal(std: float, mean: float = 0.0) -> Law:
    """N(mean, std²).

    Example:
        >>> normal(0.02).std
        0.02
    """
    return Law("normal", mean=mean, scale=std)


def truncated_normal(std: float, bound: float = 2.0, mean: float = 0.0) -> Law:
    """N(mean, std²) given that it lies within bound·std of the mean; its own standard deviation is smaller than `std`.

    Example:
        >>> round(truncated_normal(0.02).std / 0.02, 4)  # at ±2
        0.8796
    """
    return Law("truncated_normal", mean=mean, scale=std, bound=bound)
