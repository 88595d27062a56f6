"""From a report to plain rows of text and numbers, shared by every renderer; it collapses what repeats."""

import math
import re
from dataclasses import dataclass

from steadygrad.report.record import LayerRow, Report

SHOWN = {"affine", "activation", "norm", "join", "attention", "contract", "softmax", "pool", "opaque", "loss"}
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Line:
    """One shown row: a layer, or `count` layers of one repeating pattern from `row` to `last`."""

    row: LayerRow
    last: LayerRow
    count: int = 1
    period: int = 1

    @property
    def folded(self) -> bool:
        """Whether it stands for several rows."""
        return self.count > 1


def shown_rows(report: Report) -> list[LayerRow]:
    """Rows of the kinds people think of as layers, and all rows with findings."""
    return [row for row in report.layers if row.kind in SHOWN or row.findings]


def lines(report: Report, most: int = 40) -> list[Line]:
    """At most about `most` lines: runs of rows that differ only in their numbers are folded.

    A run is a pattern of up to 24 rows – same op, same path up to its numbers – that repeats; its first two
    repetitions and its last stay, what is between becomes one line per row of the pattern. Still longer lists keep
    head, tail, rows with findings, and an even sample of the rest.
    """
    rows = shown_rows(report)
    if len(rows) <= most:
        return [Line(row, row) for row in rows]
    folded = _fold(rows)
    return folded if len(folded) <= most else _thin(folded, most)


def _key(row: LayerRow) -> tuple[str, str, tuple[int, ...]]:
    return (row.op, NUMBER.sub("#", row.where), row.shape[1:])


def _fold(rows: list[LayerRow]) -> list[Line]:
    keys = [_key(row) for row in rows]
    found: list[Line] = []
    position = 0
    while position < len(rows):
        period, repeats = _run(keys, position)
        if repeats < 4:
            found.append(Line(rows[position], rows[position]))
            position += 1
            continue
        end = position + period * repeats
        found.extend(Line(row, row) for row in rows[position : position + period])
        for offset in range(period):
            middle = rows[position + period + offset : end - period : period]
            found.append(Line(middle[0], middle[-1], len(middle), period))
        found.extend(Line(row, row) for row in rows[end - period : end])
        position = end
    return found


def _run(keys: list[tuple[str, str, tuple[int, ...]]], start: int, longest: int = 24) -> tuple[int, int]:
    """The period and the number of repetitions of the pattern that covers most from `start` on."""
    best = (1, 1)
    for period in range(1, longest + 1):
        repeats, pattern = 1, keys[start : start + period]
        while keys[start + period * repeats : start + period * (repeats + 1)] == pattern:
            repeats += 1
        if repeats > 1 and period * repeats > best[0] * best[1]:
            best = (period, repeats)
        if len(pattern) < period:
            break
    return best


def _thin(found: list[Line], most: int) -> list[Line]:
    keep = set(range(6)) | set(range(len(found) - 6, len(found)))
    keep |= {i for i, line in enumerate(found) if line.row.findings and len(keep) < most}
    step = max(len(found) // max(most - len(keep), 1), 1)
    keep |= set(range(0, len(found), step)) if len(keep) < most else set()
    kept, result = sorted(i for i in keep if 0 <= i < len(found)), []
    for here, following in zip(kept, [*kept[1:], len(found)], strict=True):
        line, gap = found[here], following - here - 1
        result.append(line)
        if gap:
            result.append(Line(found[here + 1].row, found[following - 1].last, max(gap, 2)))
    return result


def rms(q: float | None) -> float | None:
    """√q, None for what was not measured."""
    return None if q is None or math.isnan(q) else math.sqrt(q)


def number(value: object) -> str:
    """Any evidence value in a few characters."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        head = ", ".join(number(v) for v in value[:4])
        return head + (f", … ({len(value)})" if len(value) > 4 else "")
    return str(value)


def shortened(path: str, width: int) -> str:
    """A module path cut in the middle to at most `width` characters."""
    if len(path) <= width:
        return path
    left = (width - 1) // 2
    return path[:left] + "…" + path[len(path) - (width - 1 - left) :]


def conditions(report: Report) -> str:
    """How it was measured, in one line of text."""
    c = report.conditions
    parts = [f"{c.get('mode', 'train')} mode"]
    if c.get("batch_size"):
        parts.append(f"batch of {c['batch_size']}")
    loss = c.get("loss")
    if c.get("cotangent"):
        parts.append("no loss given: gradients of a fixed random projection of the outputs")
    elif loss:
        value = c.get("loss_value")
        parts.append(f"{loss} = {value:.4g}" if isinstance(value, float) else str(loss))
    if c.get("generated_inputs"):
        parts.append("generated inputs: rules about data are off")
    for name in ("autocast", "optimizer"):
        if c.get(name):
            parts.append(f"{name} {c[name]}")
    parts.append(f"{report.parameter_count:,} parameters")
    parts.append(f"{sum(report.seconds.values()):.1f} s")
    return ", ".join(parts)


def grouped_symptoms(report_symptoms: tuple) -> list[tuple[object, int]]:
    """Symptoms, one per rule: the first of each, and how many there are."""
    first: dict[str, object] = {}
    count: dict[str, int] = {}
    for symptom in report_symptoms:
        first.setdefault(symptom.slug, symptom)
        count[symptom.slug] = count.get(symptom.slug, 0) + 1
    return [(first[slug], count[slug]) for slug in first]
