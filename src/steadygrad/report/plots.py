"""Plots as plain SVG geometry: numbers in, shapes out; the template draws them, a few lines of script add the hover.

Drawn as SVG rather than with a plotting library, because one report should open from disk without network and stay
small: plotly's script alone is over 4 MB.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from steadygrad.report.record import LayerRow
from steadygrad.report.view import rms

WIDTH, HEIGHT = 860.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 12.0, 30.0
POINTS = 1200
COLUMNS = 240


@dataclass(frozen=True)
class Point:
    """One marked value: position, tooltip, and whether a finding names it."""

    x: float
    y: float
    text: str
    marked: bool = False


@dataclass(frozen=True)
class Line:
    """One curve: name, SVG path, and its points for hovering."""

    name: str
    path: str
    points: list[Point]


@dataclass(frozen=True)
class Chart:
    """Lines over one pair of axes; ticks are (pixel, label)."""

    title: str
    description: str
    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_label: str = ""
    y_label: str = ""
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Heat:
    """A grid of cells (x, y, width, height, opacity, tooltip)."""

    title: str
    description: str
    cells: list[tuple[float, float, float, float, float, str]] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)
    width: float = WIDTH
    height: float = HEIGHT


def flow_chart(rows: Sequence[LayerRow]) -> Chart | None:
    """Signal and gradient rms by depth in log scale; None without two layers."""
    series = {"signal": [rms(r.q) for r in rows], "gradient": [rms(r.gradient_q) for r in rows]}
    values = [math.log10(v) for curve in series.values() for v in curve if v is not None and v > 0.0 and math.isfinite(v)]
    if len(rows) < 2 or not values:
        return None
    low, high = math.floor(min(values)), math.ceil(max(values))
    high = max(high, low + 1)
    keep = _kept(rows)
    lines = []
    for name, curve in series.items():
        points = []
        for i in keep:
            value = curve[i]
            if value is None or not value > 0.0 or not math.isfinite(value):
                continue
            row = rows[i]
            text = f"{row.where or 'model'} ({row.op}): {name} rms {value:.3g}"
            points.append(Point(_x(i, len(rows)), _y(math.log10(value), low, high), text, bool(row.findings)))
        lines.append(Line(name, _path(points), points if len(points) <= POINTS else points[:: len(points) // POINTS + 1]))
    description = f"Root mean square of the signal and of its gradient at each of {len(rows)} layers, from 1e{low} to 1e{high}."
    return Chart("Signal and gradient through depth", description, lines, _depth_ticks(range(len(rows))), _log_ticks(low, high), "layer, in order of execution", "rms")


def heat_map(rows: Sequence[LayerRow]) -> Heat | None:
    """Layers × log2 magnitude: which share of a layer's entries has which size; None without histograms."""
    filled = [i for i, r in enumerate(rows) if r.magnitudes]
    if len(filled) < 2:
        return None
    numbers = [filled[round(i * (len(filled) - 1) / (min(len(filled), COLUMNS) - 1))] for i in range(min(len(filled), COLUMNS))]
    columns = [rows[i] for i in numbers]
    first = max(min(r.first_exponent for r in columns), -100)
    last = min(max(r.first_exponent + len(r.magnitudes) - 1 for r in columns), 60)
    step = max((last - first + 1) // 40, 1)
    bins = list(range(first, last + 1, step))
    cell_width = (WIDTH - LEFT - RIGHT) / len(columns)
    cell_height = (HEIGHT - TOP - BOTTOM) / len(bins)
    cells = []
    for i, row in enumerate(columns):
        total = sum(row.magnitudes)
        for k, low in enumerate(bins):
            share = sum(row.magnitudes[max(low - row.first_exponent, 0) : max(low + step - row.first_exponent, 0)]) / total
            if share > 0.002:
                text = f"{row.where or 'model'} ({row.op}): {share:.1%} of the entries between 2^{low} and 2^{low + step}"
                y = HEIGHT - BOTTOM - (k + 1) * cell_height
                cells.append((LEFT + i * cell_width, y, cell_width + 0.4, cell_height + 0.4, 0.12 + 0.88 * min(math.sqrt(share / 0.4), 1.0), text))
    every = max(len(bins) // 8, 1)
    y_ticks = [(HEIGHT - BOTTOM - (k + 0.5) * cell_height, f"2^{b}") for k, b in enumerate(bins) if k % every == 0]
    description = f"Share of entries by magnitude at {len(columns)} of {len(filled)} layers, 2^{first} to 2^{last}."
    return Heat("Magnitudes in each layer", description, cells, _depth_ticks(numbers), y_ticks)


def curve_chart(title: str, curves: dict[str, list[tuple[float, float]]]) -> Chart | None:
    """Training curves: loss by step, log scale; points that are not finite end their curve."""
    usable = {n: [(x, y) for x, y in c if math.isfinite(y) and y > 0.0] for n, c in curves.items()}
    values = [math.log10(y) for c in usable.values() for _, y in c]
    if not values:
        return None
    low, high = math.floor(min(values)), min(math.ceil(max(values)), math.floor(min(values)) + 12)
    high = max(high, low + 1)
    most = max((x for c in usable.values() for x, _ in c), default=1.0) or 1.0
    lines = []
    for name, curve in usable.items():
        points = [
            Point(LEFT + x / most * (WIDTH - LEFT - RIGHT), _y(min(math.log10(y), high), low, high), f"{name}: loss {y:.4g} at step {x:g}")
            for x, y in curve
        ]
        lines.append(Line(name, _path(points), points[:: max(len(points) // 100, 1)]))
    x_ticks = [(LEFT + f * (WIDTH - LEFT - RIGHT), f"{f * most:.0f}") for f in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return Chart(title, f"Training loss of {', '.join(usable)} by step.", lines, x_ticks, _log_ticks(low, high), "step", "loss")


def _kept(rows: Sequence[LayerRow]) -> list[int]:
    """At most about POINTS positions: an even sample, all rows with findings among the first 200 of those."""
    if len(rows) <= POINTS:
        return list(range(len(rows)))
    step = len(rows) / POINTS
    kept = {int(i * step) for i in range(POINTS)} | {len(rows) - 1}
    kept |= set([i for i, row in enumerate(rows) if row.findings][:200])
    return sorted(kept)


def _x(index: int, count: int) -> float:
    return LEFT + index / max(count - 1, 1) * (WIDTH - LEFT - RIGHT)


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _path(points: list[Point]) -> str:
    return " ".join(f"{'M' if i == 0 else 'L'}{p.x:.1f} {p.y:.1f}" for i, p in enumerate(points))


def _log_ticks(low: int, high: int) -> list[tuple[float, str]]:
    step = max((high - low) // 6, 1)
    return [(_y(float(k), low, high), f"1e{k}") for k in range(low, high + 1, step)]


def _depth_ticks(shown: Sequence[int]) -> list[tuple[float, str]]:
    """Of what is shown side by side, the number that the table of layers gives each."""
    count = len(shown)
    return [(_x(i, count), f"{shown[i] + 1}") for i in sorted({round(f * (count - 1)) for f in (0.0, 0.25, 0.5, 0.75, 1.0)})]
