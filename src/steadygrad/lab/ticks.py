"""Where the ticks of an axis stand, and what they say."""

import html
import math
from collections.abc import Iterable

from steadygrad.lab.figure import Axis

MOST = 7
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
STEPS = (1.0, 2.0, 5.0)


class Scale:
    """Maps values of one axis to [0, 1]; its ends are ticks, or with `tight` the outermost values. An axis of names is cut into equal parts.

    Example:
        >>> scale = Scale(Axis("depth", "layers"), [0.0, 9.0])
        >>> scale(5.0), scale.ticks[:2]
        (0.5, [(0.0, '0'), (2.0, '2')])
    """

    ticks: list[tuple[float, str]]

    def __init__(self, axis: Axis, values: Iterable[float], *, tight: bool = False) -> None:
        self.log = axis.log
        if axis.names:
            self.ticks, self.low, self.high = [(float(k), html.escape(name)) for k, name in enumerate(axis.names)], -0.5, len(axis.names) - 0.5
            return
        found = [self._place(v) for v in values if self.drawn(v)]
        self._whole = all(v == round(v) for v in found)
        low, high = (min(found), max(found)) if found else (0.0, 1.0)
        if high - low < 1e-9 * max(abs(low), abs(high), 1e-300):
            low, high = low - 0.5 * (abs(low) if not self.log and low else 1.0), high + 0.5 * (abs(high) if not self.log and high else 1.0)
        self.ticks = self._decades(low, high) if self.log and high - low > 1.5 else self._round(low, high)
        if tight:
            self.ticks = [(value, label) for value, label in self.ticks if low - 1e-9 <= self._place(value) <= high + 1e-9]
            self.low, self.high = low, high
            return
        places = [self._place(value) for value, _ in self.ticks]
        self.low, self.high = min(low, places[0]), max(high, places[-1])

    def drawn(self, value: float) -> bool:
        """Whether the value has a place on the axis."""
        return math.isfinite(value) and (value > 0.0 or not self.log)

    def __call__(self, value: float) -> float:
        return (self._place(value) - self.low) / (self.high - self.low)

    def _place(self, value: float) -> float:
        return math.log10(value) if self.log else value

    @staticmethod
    def _decades(low: float, high: float) -> list[tuple[float, str]]:
        first, last = math.floor(low + 1e-9), math.ceil(high - 1e-9)
        step = next(s * 10**k for k in range(4) for s in (1, 2, 5) if (last - first) / (s * 10**k) <= MOST)
        first, last = step * math.floor(first / step), step * math.ceil(last / step)
        return [(10.0**k, f"10{str(k).translate(SUPERSCRIPT)}") for k in range(max(first, -307), min(last, 308) + 1, step)]

    def _round(self, low: float, high: float) -> list[tuple[float, str]]:
        if self.log and high - low > 0.5:  # within a decade or so: 1, 2, 5
            marks = [s * 10.0**k for k in range(math.floor(low) - 1, math.ceil(high) + 2) for s in STEPS]
            first = max(i for i, m in enumerate(marks) if math.log10(m) <= low + 1e-9)
            last = min(i for i, m in enumerate(marks) if math.log10(m) >= high - 1e-9)
            return [(m, f"{m:g}") for m in marks[first : last + 1]]
        if self.log:  # nearly linear
            return [tick for tick in self._even(10.0**low, 10.0**high) if tick[0] > 0.0]
        return self._even(low, high, least=1.0 if self._whole and high - low >= 1.0 else 0.0)

    @staticmethod
    def _even(low: float, high: float, least: float = 0.0) -> list[tuple[float, str]]:
        """Round steps, none below `least`: there is no half of an epoch."""
        step = next(s * 10.0**k for k in range(-320, 308) for s in STEPS if (high - low) / (s * 10.0**k) <= MOST - 1 and s * 10.0**k >= least)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return [(k * step, f"{k * step:.6g}") for k in range(first, last + 1)]
