"""A report for the terminal: 80 columns, plain when piped."""

import io
import math

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from steadygrad.report import full_view, view
from steadygrad.report.record import LayerRow, Report
from steadygrad.rules.finding import Finding

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
MARKS = {"error": ("✗", "x"), "warning": ("!", "!"), "note": ("·", "-"), "ok": ("✓", "ok")}
BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII = " .:-=+*#@"
BAR = 8


def to_text(report: Report, width: int = 80) -> str:
    """The report as plain text of at most `width` columns."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False, emoji=False)
    console.print(renderable(report), end="")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def print_report(report: Report, console: Console | None = None) -> None:
    """Print to a console: colours on a terminal, none in a pipe."""
    console = console or Console(emoji=False, width=None if Console().is_terminal else 80)
    console.print(renderable(report, unicode=not console.options.ascii_only), end="")


def renderable(report: Report, *, unicode: bool = True) -> RenderableType:
    """The whole report as something rich can print."""
    parts: list[RenderableType] = [_headline(report, unicode)]
    errors = [f for f in report.findings if f.severity == "error"]
    warnings = [f for f in report.findings if f.severity == "warning"]
    notes = [f for f in report.findings if f.severity == "note"]
    parts += [_card(f, unicode) for f in errors]
    parts += [_brief(f, unicode) for f in warnings]
    if notes:
        codes = ", ".join(sorted({f"{f.code} {f.slug}" for f in notes}))
        parts.append(Text(f"{len(notes)} note{'s' * (len(notes) > 1)}: {codes} (details in the JSON and HTML reports)", style="dim"))
    parts.append(Text())
    parts.append(_table(report, unicode))
    if report.full:
        parts.append(_full(report))
    if report.not_seen:
        more = f" (and {len(report.not_seen) - 4} more)" if len(report.not_seen) > 4 else ""
        parts.append(Text(f"Not seen: {'; '.join(report.not_seen[:4])}{more}", style="dim"))
    parts.append(Text(f"Measured: {view.conditions(report)}", style="dim"))
    return Group(*parts)


def _mark(severity: str, unicode: bool) -> str:
    return MARKS[severity][0 if unicode else 1]


def _headline(report: Report, unicode: bool) -> RenderableType:
    severity = "error" if not report.ok else ("warning" if any(f.severity == "warning" for f in report.findings) else "ok")
    style = STYLES.get(severity, "bold green")
    return Text.assemble((f"{_mark(severity, unicode)} {report.name}: ", style), (report.verdict, style))


def _card(finding: Finding, unicode: bool) -> RenderableType:
    where = finding.where or "the model"
    parts: list[RenderableType] = [
        Text(),
        Text.assemble((f"{finding.code} {finding.slug}", STYLES[finding.severity]), f" at {where}", (f"  (confidence {finding.confidence:.0%})" if finding.confidence < 1.0 else "", "dim")),
    ]
    evidence = Table.grid(padding=(0, 2))
    for name, value in finding.evidence.items():
        evidence.add_row(Text(name.replace("_", " "), style="dim"), Text(view.number(value)))
    parts.append(Padding(evidence, (0, 0, 0, 2)))
    for symptom, count in view.grouped_symptoms(finding.symptoms)[:6]:
        times = f" (×{count})" if count > 1 else ""
        parts.append(Padding(Text(f"which causes {symptom.slug}{times}: {symptom.message}", style="dim"), (0, 0, 0, 2)))
    if finding.advice:
        parts.append(Padding(Text.assemble(("Do: ", "bold"), finding.advice), (0, 0, 0, 2)))
    if finding.snippet:
        parts.append(Padding(Text(finding.snippet, style="green", no_wrap=False), (0, 0, 0, 6)))
    return Group(*parts)


def _brief(finding: Finding, unicode: bool) -> RenderableType:
    count = f" [+{len(finding.symptoms)} that follow from it]" if finding.symptoms else ""
    advice = f" {finding.advice}" if finding.advice else ""
    return Text.assemble(
        (f"{_mark('warning', unicode)} {finding.code} {finding.slug}", STYLES["warning"]),
        f" at {finding.where or 'the model'}: {finding.message}{count}", (advice, "dim"),
    )  # fmt: skip


def _full(report: Report) -> RenderableType:
    """Full depth: a line per experiment, a row per block of the Jacobian, the seconds of every stage."""
    lines = Table.grid(padding=(0, 2))
    for name, text in full_view.sentences(report):
        lines.add_row(Text(name, style="dim"), Text(text))
    parts: list[RenderableType] = [Text(), Text("Full depth"), Padding(lines, (0, 0, 0, 2))]
    rows = full_view.block_rows(report, most=full_view.BLOCKS)
    if rows:
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim", width=80)
        table.add_column(full_view.HEADINGS[0], width=24, no_wrap=True)
        for heading in full_view.HEADINGS[1:]:
            table.add_column(heading, justify="right", no_wrap=True)
        for where, numbers in rows:
            table.add_row(Text(view.shortened(where, 24)), *map(Text, numbers))
        parts += [Text(), table]
    return Group(*parts, Text())


def _table(report: Report, unicode: bool) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim", width=80)
    table.add_column("layer", width=24, no_wrap=True)
    table.add_column("op", width=11, no_wrap=True)
    table.add_column("signal", width=18, no_wrap=True)
    table.add_column("gradient", width=18, no_wrap=True)
    table.add_column("", no_wrap=True)
    lines = view.lines(report)
    signal = _scale([view.rms(r.q) for r in report.layers])
    gradient = _scale([view.rms(r.gradient_q) for r in report.layers])
    for line in lines:
        row, last = line.row, line.last
        path = view.shortened(row.where or "·", 24)
        if line.folded:
            path = view.shortened(f"{row.where or '·'}…{last.where}", 17) + f" ×{line.count}"
        table.add_row(
            Text(path, style="dim" if line.folded else ""), Text(view.shortened(row.op, 11)),
            _cell(view.rms(row.q), view.rms(last.q), signal, unicode, folded=line.folded),
            _cell(view.rms(row.gradient_q), view.rms(last.gradient_q), gradient, unicode, folded=line.folded),
            _flags(row, report),
        )  # fmt: skip
    return table


def _scale(values: list[float | None]) -> tuple[float, float]:
    """Log10 range of the positive values, at least two decades wide."""
    logs = [math.log10(v) for v in values if v is not None and v > 0.0 and math.isfinite(v)]
    if not logs:
        return -1.0, 1.0
    low, high = min(logs), max(logs)
    return (low - 1.0, high + 1.0) if high - low < 2.0 else (low, high)


def _cell(value: float | None, last: float | None, scale: tuple[float, float], unicode: bool, *, folded: bool) -> Text:
    if value is None:
        return Text("–", style="dim")
    if folded and last is not None:
        return Text(f"{value:.1e} … {last:.1e}", style="dim")
    return Text.assemble((f"{value:8.1e} ", ""), (_bar(value, scale, unicode), "blue"))


def _bar(value: float, scale: tuple[float, float], unicode: bool) -> str:
    """A bar of up to eight characters in log scale."""
    if not value > 0.0 or not math.isfinite(value):
        return "" if value == 0.0 else "inf/nan"
    low, high = scale
    eighths = round((math.log10(value) - low) / (high - low) * BAR * 8)
    eighths = min(max(eighths, 1), BAR * 8)
    if not unicode:
        return "#" * max(eighths // 8, 1)
    partial = "▏▎▍▌▋▊▉"
    return "█" * (eighths // 8) + (partial[eighths % 8 - 1] if eighths % 8 else "")


def _flags(row: LayerRow, report: Report) -> Text:
    worst = {c: f.severity for f in reversed(report.findings) for c in (f.code, *(s.code for s in f.symptoms))}
    text = Text()
    for code in row.findings[:1]:
        text.append(code, style=STYLES[worst.get(code, "note")])
    if row.nonfinite_share:
        text.append(" nan/inf", style="red")
    return text
