"""Plain records of what to draw."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fans:
    """Products summed into one output entry, and output entries one input entry reaches."""

    fan_in: float
    fan_out: float
