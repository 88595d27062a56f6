"""Plain records of what to draw: the law of independent entries, and the fans it is derived from.

Laws whose entries depend on each other are in `structured` (sparse, orthogonal, dirac …), laws made of laws in `composed`
(blocks, repeats, tables …). A law is a record: it holds numbers, never a tensor, and draws nothing itself.
"""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError

KINDS = ("constant", "uniform", "normal", "truncated_normal", "rademacher")
Shape = tuple[int, ...]


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


class Law:
    """What to put into a tensor: a base for records, one class per structure."""

    def rms(self, shape: Shape) -> float:
        """√E[w²] over the entries of a tensor of this shape; what a signal's second moment is multiplied by is fan_in·rms²."""
        raise NotImplementedError


@dataclass(frozen=True)
class Independent(Law):
    """The distribution of independent entries: mean + scale·x, x standard for its kind.

    Made by `constant`, `uniform`, `normal`, `truncated_normal` and `rademacher` below.

    Attributes:
        kind: "constant" (x = 0), "uniform" (x uniform in (−1, 1)), "normal" (x ~ N(0, 1)), "truncated_normal"
            (x ~ N(0, 1) given lower ≤ x ≤ bound), or "rademacher" (x = ±1, each with probability ½).
        mean: centre of the distribution (before truncation).
        scale: half the width of a uniform law, the standard deviation of the normal before truncation.
        bound: where a truncated normal is cut above, in units of `scale` from the mean.
        lower: where it is cut below; −bound unless given.

    Raises:
        InputError: unknown kind; mean or scale not finite, scale negative, bound not positive, lower not below bound.
    """

    kind: str
    mean: float = 0.0
    scale: float = 0.0
    bound: float = math.inf
    lower: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.lower):
            object.__setattr__(self, "lower", -self.bound)
            if not self.bound > 0.0:
                raise InputError(f"`bound` of a {self.kind} law must be positive, got {self.bound!r}")
        if self.kind not in KINDS:
            raise InputError(f"`kind` of a law must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not (math.isfinite(self.mean) and math.isfinite(self.scale) and self.scale >= 0.0):
            raise InputError(f"a {self.kind} law must have a finite mean and scale ≥ 0, got {self.mean!r}, {self.scale!r}")
        if not (self.lower < self.bound and self.lower < 6.3 and self.bound > -6.3):
            raise InputError(f"a {self.kind} law must be cut between lower < bound that meet (−6.3, 6.3), got {self.lower!r} and {self.bound!r}")

    @property
    def std(self) -> float:
        """The standard deviation: scale/√3 for uniform; for truncated normal scale·√(1 + (a·φ(a) − b·φ(b))/Z − ((φ(a) − φ(b))/Z)²).

        Here a = lower, b = bound, φ the standard normal density, Z = Φ(b) − Φ(a).

        Example:
            >>> round(truncated_normal(1.0, bound=2.0).std, 7)
            0.8796257
        """
        if self.kind == "constant":
            return 0.0
        if self.kind == "uniform":
            return self.scale / math.sqrt(3.0)
        return self.scale * (truncated_moments(self.lower, self.bound)[1] if self.kind == "truncated_normal" else 1.0)

    @property
    def expectation(self) -> float:
        """The mean of an entry, which an uneven truncation moves away from `mean`."""
        return self.mean + (self.scale * truncated_moments(self.lower, self.bound)[0] if self.kind == "truncated_normal" else 0.0)

    def rms(self, shape: Shape) -> float:
        """√(mean² + std²), whatever the shape."""
        return math.hypot(self.expectation, self.std)


def truncated_moments(lower: float, upper: float) -> tuple[float, float]:
    """Mean and standard deviation of N(0, 1) given lower ≤ x ≤ upper.

    Source: Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions 1, section 10.1.

    Example:
        >>> [round(moment, 6) for moment in truncated_moments(0.0, math.inf)]  # √(2/π), √(1 − 2/π)
        [0.797885, 0.60281]
    """
    if upper < 0.0:  # erfc keeps its digits in the upper tail
        mean, std = truncated_moments(-upper, -lower)
        return -mean, std
    inside = 0.5 * (math.erfc(lower / math.sqrt(2.0)) - math.erfc(upper / math.sqrt(2.0)))
    densities = [math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi) for x in (lower, upper)]
    edges = [x * density if math.isfinite(x) else 0.0 for x, density in zip((lower, upper), densities, strict=True)]
    mean = (densities[0] - densities[1]) / inside
    return mean, math.sqrt(max(1.0 + (edges[0] - edges[1]) / inside - mean * mean, 0.0))


def constant(value: float) -> Independent:
    """Every entry is `value`.

    Example:
        >>> constant(0.5).std
        0.0
    """
    return Independent("constant", mean=value)


def uniform(low: float, high: float) -> Independent:
    """Uniform between low and high, ends excluded; its standard deviation is (high − low)/√12.

    Raises:
        InputError: low exceeds high.

    Example:
        >>> round(uniform(-1.0, 1.0).std, 6)
        0.57735
    """
    if not low <= high:
        raise InputError(f"`uniform(low, high)` must have low ≤ high, got {low!r} and {high!r}")
    return Independent("uniform", mean=(low + high) / 2.0, scale=(high - low) / 2.0)


def normal(std: float, mean: float = 0.0) -> Independent:
    """N(mean, std²).

    Example:
        >>> normal(0.02).std
        0.02
    """
    return Independent("normal", mean=mean, scale=std)


def truncated_normal(std: float, bound: float = 2.0, mean: float = 0.0, *, lower: float | None = None, exact: bool = False) -> Independent:
    """N(mean, std²) given that it lies between mean + lower·std and mean + bound·std; lower is −bound unless given.

    Truncation shrinks the standard deviation (to 0.8796·std at ±2). With `exact` the normal is widened first, so that
    the *truncated* law has the standard deviation `std`; bound then counts in units of the wider normal.

    Example:
        >>> round(truncated_normal(0.02).std / 0.02, 4), round(truncated_normal(0.02, exact=True).std, 12)
        (0.8796, 0.02)
    """
    law = Independent("truncated_normal", mean=mean, scale=std, bound=bound, lower=math.nan if lower is None else lower)
    if not exact:
        return law
    return Independent(law.kind, mean=mean, scale=std / truncated_moments(law.lower, law.bound)[1], bound=law.bound, lower=law.lower)


def rademacher(scale: float, mean: float = 0.0) -> Independent:
    """Mean + scale or mean − scale, with equal probability: the law of least fourth moment for its variance scale².

    Example:
        >>> rademacher(0.1).std
        0.1
    """
    return Independent("rademacher", mean=mean, scale=scale)
