"""A figure as one self-contained SVG: no script, no font, no style from outside; the same figure gives the same bytes.

Series differ by colour (Okabe & Ito, told apart without red or green vision), by dash and by mark, so that greyscale print keeps them
apart. `report.plots` draws layers of one report over depth; this draws any numbers over any axes, with marks and legends.
"""

import html

from steadygrad.lab.figure import Figure, Grid, Series
from steadygrad.lab.ticks import Scale

WIDTH, PLOT = 860.0, 400.0
LEFT, RIGHT, TOP, BOTTOM = 84.0, 22.0, 40.0, 60.0
LEGEND = 22.0  # height of one row of it
GLYPH = 7.8  # a letter's width, nearly
MARKS = 14  # marks on one series, at most
COLOURS = ("#000000", "#d55e00", "#0072b2", "#009e73", "#a0408a", "#7a5c00")
DASHES = ("", "9 4", "2 3.5", "12 3 2 3", "5 5", "16 5")
STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1c1e21;font-size:14px}"
    ".tick{font-size:13px;fill:#444}.title{font-size:16px;font-weight:600}.grid{stroke:#e2e2e2}.frame{fill:none;stroke:#555}"
)


def render(figure: Figure | Grid) -> str:
    """The SVG text of a figure."""
    if isinstance(figure, Grid):
        return _grid(figure)
    rows = _legend_rows(figure)
    top = TOP + LEGEND * len(rows) + 8.0
    x = Scale(figure.x, [v for s in figure.series for v in s.x], tight=True)
    y = Scale(figure.y, [v for s in figure.series for v in s.y])
    height = top + PLOT + BOTTOM
    across, down = WIDTH - LEFT - RIGHT, PLOT

    def at(a: float, b: float) -> tuple[float, float]:
        return LEFT + x(a) * across, top + (1.0 - y(b)) * down

    parts = [_legend(row, TOP + LEGEND * k) for k, row in enumerate(rows)]
    for value, label in y.ticks:
        place = top + (1.0 - y(value)) * down
        parts.append(f'<line class="grid" x1="{LEFT:.1f}" x2="{WIDTH - RIGHT:.1f}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8:.1f}" y="{place + 4.5:.1f}" text-anchor="end">{label}</text>')
    for value, label in x.ticks:
        place = LEFT + x(value) * across
        parts.append(f'<line class="grid" x1="{place:.1f}" x2="{place:.1f}" y1="{top:.1f}" y2="{top + down:.1f}"/>')
        parts.append(f'<text class="tick" x="{place:.1f}" y="{top + down + 20:.1f}" text-anchor="middle">{label}</text>')
    parts.append(f'<rect class="frame" x="{LEFT:.1f}" y="{top:.1f}" width="{across:.1f}" height="{down:.1f}"/>')
    for k, each in enumerate(figure.series):
        points = [at(a, b) if x.drawn(a) and y.drawn(b) else None for a, b in zip(each.x, each.y, strict=True)]
        parts.append(_curve(k, each, points))
    parts.append(_names(figure, top, down))
    return _document(figure.title, height, parts)


def _document(title: str, height: float, parts: list[str]) -> str:
    said = html.escape(title)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{said}">'
    body = f'<rect width="{WIDTH:.0f}" height="{height:.0f}" fill="#fff"/><text class="title" x="{LEFT:.1f}" y="24">{said}</text>'
    return "\n".join([head, f"<style>{STYLE}</style>", body, *parts, "</svg>"]) + "\n"


def _names(figure: Figure | Grid, top: float, down: float) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2.0
    return (
        f'<text x="{middle:.1f}" y="{top + down + 46:.1f}" text-anchor="middle">{html.escape(str(figure.x))}</text>'
        f'<text transform="translate(20 {top + down / 2.0:.1f}) rotate(-90)" text-anchor="middle">{html.escape(str(figure.y))}</text>'
    )


def _curve(k: int, each: Series, points: list[tuple[float, float] | None]) -> str:
    parts = []
    if each.line:
        steps, pen_up = [], True
        for point in points:
            if point is not None:
                steps.append(f"{'M' if pen_up else 'L'}{point[0]:.1f} {point[1]:.1f}")
            pen_up = point is None
        dash = f' stroke-dasharray="{DASHES[k]}"' if DASHES[k] else ""
        parts.append(f'<path d="{" ".join(steps)}" fill="none" stroke="{COLOURS[k]}" stroke-width="2.2"{dash}/>')
    if each.marks:
        drawn = [p for p in points if p is not None]
        every = 1 if not each.line else max(len(drawn) // MARKS, 1)
        parts += [_mark(k, px, py) for px, py in drawn[::every]]
    return "".join(parts)


def _mark(k: int, x: float, y: float) -> str:
    """Circle, square, triangle, diamond, cross, plus."""
    if k == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[k]}"/>'
    if k >= 4:
        turn = "M-4 -4 L4 4 M-4 4 L4 -4" if k == 4 else "M-5 0 L5 0 M0 -5 L0 5"
        return f'<path transform="translate({x:.1f} {y:.1f})" d="{turn}" fill="none" stroke="{COLOURS[k]}" stroke-width="2.4"/>'
    shape = ("", "M-4 -4 H4 V4 H-4 Z", "M0 -5.5 L5 4 H-5 Z", "M0 -5.5 L5.5 0 L0 5.5 L-5.5 0 Z")[k]
    return f'<path transform="translate({x:.1f} {y:.1f})" d="{shape}" fill="#fff" stroke="{COLOURS[k]}" stroke-width="2"/>'


def _legend_rows(figure: Figure) -> list[list[tuple[int, Series]]]:
    rows: list[list[tuple[int, Series]]] = [[]]
    width = 0.0
    for k, each in enumerate(figure.series):
        need = 56.0 + GLYPH * len(each.label)
        if rows[-1] and width + need > WIDTH - LEFT - RIGHT:
            rows.append([])
            width = 0.0
        rows[-1].append((k, each))
        width += need
    return rows


def _legend(row: list[tuple[int, Series]], y: float) -> str:
    parts, x = [], LEFT
    for k, each in row:
        parts.append(_curve(k, Series("", (), (), each.line, False), [(x, y + 7.0), (x + 34.0, y + 7.0)]))
        if each.marks:
            parts.append(_mark(k, x + 17.0, y + 7.0))
        parts.append(f'<text x="{x + 40:.1f}" y="{y + 12:.1f}">{html.escape(each.label)}</text>')
        x += 56.0 + GLYPH * len(each.label)
    return "".join(parts)


def _grid(grid: Grid) -> str:
    """Cells in greys: white is low, dark is high; the value is written in each."""
    left, tall = LEFT + max(GLYPH * max(map(len, grid.rows)) - 40.0, 0.0), 30.0
    top, wide = TOP + 26.0, (WIDTH - left - RIGHT) / len(grid.columns)
    parts = [f'<text class="tick" x="{left:.1f}" y="{TOP + 12:.1f}">shade and number: {html.escape(str(grid.value))}, dark is high</text>']
    for i, (name, row) in enumerate(zip(grid.rows, grid.cells, strict=True)):
        y = top + i * tall
        parts.append(f'<text class="tick" x="{left - 8:.1f}" y="{y + 20:.1f}" text-anchor="end">{html.escape(name)}</text>')
        for j, value in enumerate(row):
            share = min(max((value - grid.low) / (grid.high - grid.low), 0.0), 1.0) if value == value else 0.0
            level = round(250 - 200 * share)
            x, ink = left + j * wide, "#fff" if share > 0.55 else "#111"
            size = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
            parts.append(f'<rect {size} fill="rgb({level},{level},{level})" stroke="#999"/>')
            parts.append(f'<text x="{x + wide / 2:.1f}" y="{y + 20:.1f}" text-anchor="middle" style="fill:{ink}">{value:.2g}</text>')
    down = tall * len(grid.rows)
    if grid.line:
        points = " ".join(f"{left + (j + 0.5) * wide:.1f},{top + min(max(at, 0.0), len(grid.rows)) * tall:.1f}" for j, at in enumerate(grid.line))
        for ink, thick in (("#fff", 5), ("#111", 2)):  # a dark line with a light edge is seen on every grey
            parts.append(f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="{thick}"/>')
    for j, name in enumerate(grid.columns):
        parts.append(f'<text class="tick" x="{left + (j + 0.5) * wide:.1f}" y="{top + down + 20:.1f}" text-anchor="middle">{html.escape(name)}</text>')
    parts.append(_names(grid, top, down))
    return _document(grid.title, top + down + BOTTOM, parts)
