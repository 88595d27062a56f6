"""A phase diagram for the terminal: tables in 80 columns, plain when piped."""

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from steadygrad.report.phase_view import LINE_HEADINGS, POINT_HEADINGS, SOURCE, PhaseView, point_row

STYLES = {"ordered": "cyan", "critical": "bold green", "chaotic": "bold red"}


def print_phase(view: PhaseView, console: Console | None = None) -> None:
    """Print to a console: colours on a terminal, none in a pipe."""
    console = console or Console(emoji=False, width=None if Console().is_terminal else 80)
    console.print(renderable(view), end="")


def renderable(view: PhaseView) -> RenderableType:
    """The whole view as something rich can print."""
    parts: list[RenderableType] = [Text(view.headline, style="bold"), Text()]
    if view.line:
        parts += [Text("Critical line, χ₁ = 1"), _table(LINE_HEADINGS, view.line), Text()]
    elif view.own is not None:
        parts += [Text(f"{view.name}: {view.line_note}"), Text()]
    parts += [Text("Where initializations stand"), _table(POINT_HEADINGS, [point_row(point) for point in view.points])]
    for point in view.points:
        if not (point.phase.stable and 0.0 < point.phase.q < float("inf")):
            parts.append(Padding(Text(f"{point.name}: {point.phase.reason}", style="dim"), (0, 0, 0, 2)))
        if not point.drawn:
            parts.append(Padding(Text(f"{point.name}: {point.how}", style="dim"), (0, 0, 0, 2)))
    return Group(*parts, Text(), Text(SOURCE, style="dim"))


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Padding:
    table = Table(box=None, padding=(0, 1, 0, 1), header_style="dim")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 or heading == "phase" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    return Padding(table, (0, 0, 0, 2))
