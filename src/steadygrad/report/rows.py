"""From evidence to plain rows: the only place where measurements become a report."""

from collections import defaultdict
from collections.abc import Iterable

from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Histogram, Reading
from steadygrad.report.record import LayerRow
from steadygrad.rules.finding import Finding
from steadygrad.rules.scales import expected_weight_std

HIDDEN = {"view", "dropout"}
LOWEST = -150


def answer(findings: tuple[Finding, ...]) -> str:
    """The verdict without its reason; empty for a healthy network."""
    severities = [f.severity for f in findings]
    if "error" in severities:
        return "Will not train"
    warnings = severities.count("warning")
    return f"Trainable, with {warnings} warning{'s' * (warnings > 1)}" if warnings else ""


def verdict(findings: tuple[Finding, ...], evidence: Evidence) -> str:
    """One sentence: the answer and the first reason for it."""
    worst = [f for f in findings if f.severity == "error"] or [f for f in findings if f.severity == "warning"]
    if worst:
        more = f" (and {len(worst) - 1} more)" if len(worst) > 1 and worst[0].severity == "error" else ""
        return f"{answer(findings)}: {worst[0].message}{more}"
    healthy = "Healthy: signals and gradients survive" if evidence.gradients else "Healthy: signals survive"
    return f"{healthy} through all {sum(n.kind == 'affine' for n in evidence.graph.nodes)} weighted ops."


def layer_rows(evidence: Evidence, findings: Iterable[Finding]) -> tuple[LayerRow, ...]:
    """A row per op that changes a signal, in execution order."""
    named: dict[int, list[str]] = defaultdict(list)
    for finding in findings:
        for each in (finding, *finding.symptoms):
            if each.node is not None and each.code not in named[each.node]:
                named[each.node].append(each.code)
    rows = []
    for node in evidence.graph.nodes:
        reading = evidence.signals.get(node.index)
        if (node.kind in HIDDEN or reading is None) and node.index not in named:
            continue
        rows.append(_row(evidence, node.index, reading, tuple(named.get(node.index, ()))))
    return tuple(rows)


def _row(evidence: Evidence, index: int, reading: Reading | None, codes: tuple[str, ...]) -> LayerRow:
    node = evidence.graph.nodes[index]
    gradient = evidence.gradients.get(index)
    spec = node.outputs[0] if node.outputs else None
    weight = next((u for u in node.uses if u.role in ("weight", "recurrent", "table")), None)
    measured = evidence.parameters.get(weight.parameters[0]) if weight is not None and not weight.derived else None
    first, magnitudes = _trimmed(reading.histogram if reading else None)
    moments = reading.moments if reading else None
    units = reading.units if reading else None
    update = measured.update if measured is not None else None
    return LayerRow(
        index=index, where=node.where, op=node.op, kind=node.kind, call=node.call,
        shape=spec.shape if spec else (), dtype=spec.dtype if spec else "",
        mean=moments.mean if moments else None,
        q=moments.q if moments else None,
        absmax=moments.absmax if moments else None,
        zero_share=moments.zero_share if moments else None,
        nonfinite_share=moments.nonfinite_share if moments else None,
        gradient_q=gradient.moments.q if gradient else None,
        gradient_absmax=gradient.moments.absmax if gradient else None,
        dead_units=len(units.dead) / units.units if units and units.units else None,
        saturated_units=len(units.saturated) / units.units if units and units.units else None,
        duplicate_units=sum(len(g) - 1 for g in units.twins) / units.units if units and units.units else None,
        cosine=reading.samples.cosine if reading and reading.samples else None,
        magnitudes=magnitudes, first_exponent=first,
        parameters=tuple(dict.fromkeys(name for use in node.uses for name in use.parameters)),
        weight_std=measured.value.moments.std if measured else None,
        weight_std_expected=expected_weight_std(evidence, node, weight) if measured and weight else None,
        update_ratio=update.rms / measured.value.moments.rms if update and measured and measured.value.moments.rms else None,
        findings=codes,
    )  # fmt: skip


def _trimmed(histogram: Histogram | None) -> tuple[int, tuple[int, ...]]:
    """First occupied exponent, and counts up to the last occupied one."""
    if histogram is None or not any(histogram.counts):
        return 0, ()
    occupied = [i for i, count in enumerate(histogram.counts) if count]
    return occupied[0] + LOWEST, tuple(histogram.counts[occupied[0] : occupied[-1] + 1])
