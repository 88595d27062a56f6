"""Figures as plain data: what is drawn, over which axes, in which units."""

from collections.abc import Sequence
from dataclasses import dataclass

from steadygrad.errors import InputError


@dataclass(frozen=True)
class Axis:
    """What is along an axis: label, unit ("no unit" for pure numbers), and whether the scale is logarithmic.

    `names`, where given, are those of the places 0, 1, …: the axis is a list of cases, and needs no number.
    """

    label: str
    unit: str
    log: bool = False
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not (self.label and self.unit):
            raise InputError(f"an axis must have a label and a unit, such as Axis('depth', 'layers'), got {self.label!r} and {self.unit!r}")

    def __str__(self) -> str:
        return self.label if self.names else f"{self.label} ({self.unit}{', log scale' if self.log else ''})"


@dataclass(frozen=True)
class Series:
    """One named set of points; `line` joins them (theory), otherwise only marks are drawn (measurements)."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    line: bool = True
    marks: bool = True


def series(label: str, x: Sequence[float], y: Sequence[float], *, line: bool = True, marks: bool = True) -> Series:
    """A Series of plain floats.

    Raises:
        InputError: lengths differ, or there is no point.
    """
    if len(x) != len(y) or len(x) == 0:
        raise InputError(f"the series {label!r} must have as many x as y, and at least one, got {len(x)} and {len(y)}")
    return Series(label, tuple(map(float, x)), tuple(map(float, y)), line, marks)


@dataclass(frozen=True)
class Figure:
    """Up to six series over one pair of axes. Points that are not finite, or not positive on a log axis, leave a gap."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.series) <= 6:
            raise InputError(f"the figure {self.title!r} must have 1 to 6 series, got {len(self.series)}")


@dataclass(frozen=True)
class Grid:
    """A table of cells, each shaded by its value and with the value written in it: `cells[row][column]`, in [low, high].

    `line`, where given, has for each column the height at which a line crosses it, in rows from the top.
    """

    title: str
    x: Axis
    y: Axis
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[float, ...], ...]
    value: Axis
    low: float = 0.0
    high: float = 1.0
    line: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.line and len(self.line) != len(self.columns):
            raise InputError(f"`line` of the grid {self.title!r} must have {len(self.columns)} heights, one per column, got {len(self.line)}")
        if len(self.cells) != len(self.rows) or any(len(row) != len(self.columns) for row in self.cells):
            raise InputError(f"the grid {self.title!r} must have {len(self.rows)} × {len(self.columns)} cells, got {[len(row) for row in self.cells]}")
