"""A measured number beside the one that was expected, with a tolerance that was derived and a source."""

import math
from dataclasses import dataclass

from steadygrad.errors import InputError

RELATIONS = ("=", "≤", "≥")


@dataclass(frozen=True)
class Number:
    """One line of an experiment's table.

    Attributes:
        name: what was measured, with its unit if it has one.
        measured, expected: plain numbers; ±∞ are allowed, nan agrees with nothing.
        tolerance: absolute, at least 0.
        derivation: where the tolerance comes from.
        source: where the expected number comes from.
        relation: "=" (within the tolerance), "≤" or "≥" (a bound, up to the tolerance).

    Raises:
        InputError: an unknown relation, or a tolerance that is negative or not finite.

    Example:
        >>> Number("largest slope", 0.2500001, 0.25, 1e-6, "float32", "φ′ = φ(1 − φ)").agrees
        True
        >>> Number("loss", float("inf"), 10.0, 0.0, "a bound", "chance", "≥").agrees
        True
    """

    name: str
    measured: float
    expected: float
    tolerance: float
    derivation: str
    source: str
    relation: str = "="

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise InputError(f"`relation` of the number {self.name!r} must be one of {', '.join(RELATIONS)}, got {self.relation!r}")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0.0):
            raise InputError(f"`tolerance` of the number {self.name!r} must be finite and at least 0, got {self.tolerance!r}")

    @property
    def agrees(self) -> bool:
        """Whether measured and expected agree within the tolerance."""
        if self.relation == "≤":
            return self.measured <= self.expected + self.tolerance
        if self.relation == "≥":
            return self.measured >= self.expected - self.tolerance
        return self.measured == self.expected or abs(self.measured - self.expected) <= self.tolerance
