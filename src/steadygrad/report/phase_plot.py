"""The phase diagram as SVG geometry: a heat map of ξ_c, the critical line, and marked points.

Colours are cividis, whose lightness rises evenly: it reads in greyscale and without red or green vision. Brighter is deeper.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from steadygrad.report.phase_view import PhaseView, layers, ranges
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.maps import UNSTABLE, length_slope
from steadygrad.theory.phase_diagram import Diagram, critical_line, phase_diagram

WIDTH, HEIGHT = 860.0, 540.0
LEFT, RIGHT, TOP, BOTTOM = 76.0, 128.0, 16.0, 62.0
COLUMNS, ROWS = 84, 48
DEEPEST = 3.0  # log10 of the depth that gets the brightest colour
STEP = 0.1  # of log10 ξ per colour
CIVIDIS = ((0, 32, 77), (65, 77, 107), (124, 123, 120), (187, 175, 113), (255, 234, 70))
BAR_TICKS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
TOGETHER = 12.0  # marks closer than this share a pill
LABEL_SHARE = 0.08  # a phase gets its name on the map when it covers this much


@dataclass(frozen=True)
class Cell:
    """Neighbours of one colour, merged: pixels, colour ("" where lengths grow), tooltip."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    text: str


@dataclass(frozen=True)
class Mark:
    """A numbered point, or several at one place; `own` for the user's; half the width of its pill."""

    x: float
    y: float
    label: str
    text: str
    own: bool
    half: float


@dataclass(frozen=True)
class PhasePlot:
    """All shapes of the figure, in pixels."""

    description: str
    cells: list[Cell]
    line: str
    unstable: str
    single: tuple[float, float] | None
    marks: list[Mark]
    names: list[tuple[float, float, str, float]]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    bar: list[tuple[float, float, str]]
    bar_ticks: list[tuple[float, str]]
    grows: bool
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def phase_plot(activation: Activation, view: PhaseView) -> PhasePlot:
    """Compute the grid and lay it out; the same input gives the same figure."""
    most_w, most_b = ranges(view)
    diagram = phase_diagram(activation, (np.arange(COLUMNS) + 0.5) * most_w / COLUMNS, (np.arange(ROWS) + 0.5) * most_b / ROWS)
    line = critical_line(activation, 1.5 * most_w, 1.5 * most_b)  # beyond the frame, which clips it
    points = [(_x(p.weight_variance, most_w), _y(max(p.bias_variance, 0.0), most_b)) for p in line]
    runs = [length_slope(activation, p.weight_variance, p.q) > UNSTABLE for p in line]
    description = (
        f"Depth scale of correlations, xi_c, for {activation.name} over weight variance 0 to {most_w:g} and bias variance 0 to {most_b:g}: "
        + (f"the critical line has {len(points)} computed points" if len(points) > 1 else "one critical point" if points else "no critical point here")
    )
    return PhasePlot(
        description, _cells(diagram, most_w, most_b), _path(points, runs, False), _path(points, runs, True), points[0] if len(points) == 1 else None, _marks(view, most_w, most_b),
        _names(diagram), _ticks(most_w, lambda v: _x(v, most_w)), _ticks(most_b, lambda v: _y(v, most_b)), _bar(),
        [(_bar_y(math.log10(v)), f"{'≥ ' if v == BAR_TICKS[-1] else '≤ ' if v == BAR_TICKS[0] else ''}{v:,.0f}") for v in BAR_TICKS], bool(np.isnan(diagram.xi_c).any()),
    )  # fmt: skip


def _path(points: list[tuple[float, float]], unstable: list[bool], wanted: bool) -> str:
    """The stretches of the line whose fixed point is unstable, or those where it is not, joined where they meet."""
    if len(points) < 2:
        return ""
    drawn, steps = False, []
    for i in range(1, len(points)):
        if (unstable[i] and unstable[i - 1]) == wanted:
            (x, y), (u, v) = points[i - 1], points[i]
            steps.append(("" if drawn else f"M{x:.1f} {y:.1f} ") + f"L{u:.1f} {v:.1f}")
        drawn = (unstable[i] and unstable[i - 1]) == wanted
    return " ".join(steps)


def colour(log_depth: float) -> str:
    """The colour of a depth 10^log_depth, quantized to STEP.

    Example:
        >>> colour(0.0), colour(99.0)
        ('#04234f', '#fae649')
    """
    levels = round(DEEPEST / STEP)
    level = min(max(math.floor(log_depth / STEP), 0), levels - 1)
    place = (level + 0.5) / levels * (len(CIVIDIS) - 1)
    low, share = int(place), place - int(place)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(CIVIDIS[low], CIVIDIS[low + 1], strict=True))


def _cells(diagram: Diagram, most_w: float, most_b: float) -> list[Cell]:
    cells, height, width = [], (HEIGHT - TOP - BOTTOM) / ROWS, (WIDTH - LEFT - RIGHT) / COLUMNS
    for row in range(ROWS):
        tints = [_tint(value) for value in diagram.xi_c[row]]
        start = 0
        for column in range(1, COLUMNS + 1):
            if column < COLUMNS and tints[column] == tints[start]:
                continue
            span = slice(start, column)
            between = f"σ_w² {start * most_w / COLUMNS:.3g} to {column * most_w / COLUMNS:.3g}, σ_b² ≈ {diagram.bias_variances[row]:.3g}"
            x, y = LEFT + start * width, HEIGHT - BOTTOM - (row + 1) * height
            cells.append(Cell(x, y, (column - start) * width + 0.3, height + 0.3, tints[start], f"{between}: {_said(diagram.xi_c[row, span], diagram.chi_1[row, span])}"))
            start = column
    return cells


def _tint(xi: float) -> str:
    return "" if math.isnan(xi) else colour(math.log10(max(xi, 1e-3)))


def _said(xi: Array, chi: Array) -> str:
    if np.isnan(xi).any():
        return "lengths grow without bound"
    low, high = layers(float(xi.min())), layers(float(xi.max()))
    kind = "ordered" if chi.max() < 1.0 else "chaotic" if chi.min() > 1.0 else "around critical"
    return f"ξ_c {low if low == high else f'{low} to {high}'} layers, {kind}"


def _marks(view: PhaseView, most_w: float, most_b: float) -> list[Mark]:
    marks: list[Mark] = []
    for number, point in enumerate(view.points, 1):
        if not point.drawn:
            continue
        p = point.phase
        text = f"{point.name}: σ_w² = {p.weight_variance:.4g}, σ_b² = {p.bias_variance:.3g}, {p.kind}, ξ_c = {layers(p.xi_c)} layers"
        mark = Mark(_x(p.weight_variance, most_w), _y(p.bias_variance, most_b), str(number), text, point is view.own, 10.0)
        same = next((i for i, m in enumerate(marks) if math.hypot(m.x - mark.x, m.y - mark.y) < TOGETHER), None)
        if same is None:
            marks.append(mark)
        else:
            old = marks[same]
            marks[same] = Mark(old.x, old.y, f"{old.label} {number}", f"{old.text}; {text}", old.own or mark.own, old.half + 7.0)
    return marks


def _names(diagram: Diagram) -> list[tuple[float, float, str, float]]:
    """Where the phases are named, and half the width of the plate: the middle of each, if it is large enough."""
    found = []
    for text, inside in (("ordered", diagram.chi_1 < 1.0), ("chaotic", diagram.chi_1 > 1.0), ("lengths grow without bound", np.isnan(diagram.chi_1))):
        rows, columns = np.nonzero(inside)
        if rows.size > LABEL_SHARE * inside.size:
            x = LEFT + (np.median(columns) + 0.5) / COLUMNS * (WIDTH - LEFT - RIGHT)
            found.append((float(x), HEIGHT - BOTTOM - (float(np.median(rows)) + 0.5) / ROWS * (HEIGHT - TOP - BOTTOM), text, 5.0 * len(text) + 11.0))
    return found


def _bar() -> list[tuple[float, float, str]]:
    """Colour bar: (y, height, colour)."""
    return [(_bar_y((k + 1) * STEP), _bar_y(k * STEP) - _bar_y((k + 1) * STEP) + 0.3, colour((k + 0.5) * STEP)) for k in range(round(DEEPEST / STEP))]


def _bar_y(log_depth: float) -> float:
    return HEIGHT - BOTTOM - log_depth / DEEPEST * (HEIGHT - TOP - BOTTOM)


def _x(value: float, most: float) -> float:
    return LEFT + value / most * (WIDTH - LEFT - RIGHT)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)


def _ticks(most: float, place: Callable[[float], float]) -> list[tuple[float, str]]:
    step = next(s for k in range(-6, 9) for s in (10.0**k, 2.0 * 10.0**k, 5.0 * 10.0**k) if most / s <= 6.0)
    return [(place(k * step), f"{k * step:g}") for k in range(int(most / step + 1e-9) + 1)]
