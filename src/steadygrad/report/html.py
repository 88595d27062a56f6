"""A report as one self-contained HTML page: opens from disk, asks nothing of the network, escapes every name."""

import html
import re
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from steadygrad.report import full_view, plots, view
from steadygrad.report.record import Report
from steadygrad.report.rows import answer

MOST_ROWS = 400
SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Section:
    """One story on a page of several: a report before, perhaps one after, and training curves as (step, loss)."""

    title: str
    text: str
    before: Report
    after: Report | None = None
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


def _environment() -> Environment:
    made = Environment(loader=PackageLoader("steadygrad.report", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["number"] = view.number
    made.filters["rms"] = view.rms
    made.filters["spans"] = _spans
    made.globals["grouped"] = view.grouped_symptoms
    return made


def _spans(text: str) -> Markup:
    """Text with what stands between backticks as code; escaped first, so that no name in it becomes markup."""
    return Markup(SPAN.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def render(report: Report) -> str:
    """The page of one report."""
    return _environment().get_template("page.html").render(title=f"{report.name} – steadygrad", heading=report.name, intro="", parts=[_part(report, "r0")])


def render_many(title: str, intro: str, sections: list[Section]) -> str:
    """One page with several sections, each with its curves and reports."""
    parts = []
    for i, section in enumerate(sections):
        part = _part(section.before, f"r{i}b", title=section.title, text=section.text)
        part["curves"] = plots.curve_chart("Training loss", section.curves) if section.curves else None
        part["after"] = _part(section.after, f"r{i}a", title="After the repair") if section.after is not None else None
        parts.append(part)
    return _environment().get_template("page.html").render(title=title, heading=title, intro=intro, parts=parts)


def render_inline(report: Report) -> str:
    """The page inside a frame, for notebooks: its styles and scripts stay apart from the notebook's."""
    page = html.escape(render(report), quote=True)
    return f'<iframe srcdoc="{page}" title="steadygrad report" style="width:100%;height:640px;border:1px solid #8884;border-radius:8px"></iframe>'


def _part(report: Report, key: str, title: str = "", text: str = "") -> dict[str, Any]:
    rows = view.shown_rows(report)
    lines = view.lines(report, most=MOST_ROWS)
    status = "bad" if not report.ok else ("warn" if any(f.severity == "warning" for f in report.findings) else "good")
    reason = answer(report.findings)  # whose sentence is in the first card
    return {
        "verdict": f"{reason}." if reason else report.verdict,
        "key": key, "report": report, "title": title, "text": text, "status": status, "lines": lines,
        "hidden": len(rows) - sum(not line.folded for line in lines), "flow": plots.flow_chart(rows), "heat": plots.heat_map(rows),
        "measured": view.conditions(report), "curves": None, "after": None,
        "full": full_view.sentences(report), "blocks": full_view.block_rows(report), "headings": full_view.HEADINGS,
        "rehearsal": plots.curve_chart("Rehearsal: the loss of this batch", full_view.rehearsal_curve(report)),
    }  # fmt: skip
