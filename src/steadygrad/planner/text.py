"""A plan as text: what is drawn and why, then what to expect."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from steadygrad.planner.plan import Plan


def of(plan: "Plan", width: int = 120) -> str:
    """The plan as plain text of at most `width` columns."""
    console = Console(width=width, no_color=True, legacy_windows=False, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(view(plan))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def view(plan: "Plan") -> Group:
    """For a terminal: header, table of parameters, notes."""
    counts = {action: sum(row.action == action for row in plan.rows) for action in ("draw", "reset", "keep")}
    head = Text(f"plan {plan.scheme}, seed {plan.seed}: {counts['draw']} tensors drawn, {counts['reset']} reset, {counts['keep']} kept", style="bold")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, justify in (("parameter", "left"), ("shape", "left"), ("fan_in", "right"), ("rms", "right"), ("was", "right"), ("law and reason", "left")):
        table.add_column(title, justify=justify, no_wrap=title in ("rms", "was", "fan_in"), overflow="fold")  # type: ignore[arg-type]
    for row in plan.rows:
        law = row.scheme if row.action != "keep" else "kept"
        words = Text(f"{law}: {row.reason}" if row.reason else law, style="" if row.action == "draw" else "dim")
        fan_in = "" if row.fans is None else f"{row.fans.fan_in:g}"
        table.add_row(Text(row.name), "×".join(map(str, row.shape)) or "1", fan_in, _number(row.after), _number(row.before), words)
    tail = [Text(f"not covered: {name}: {why}", style="yellow") for name, why in plan.uncovered.items()]
    return Group(head, table, *tail, *(Text(note, style="dim") for note in plan.notes))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
