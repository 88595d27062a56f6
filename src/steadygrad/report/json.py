"""The report as JSON-able data, and back."""

import json
import math
from dataclasses import fields
from typing import Any

from steadygrad.report.record import SCHEMA_VERSION, LayerRow, Report
from steadygrad.rules.finding import Finding


def to_dict(report: Report) -> dict[str, Any]:
    """Everything in the report; numbers JSON cannot hold become the strings "inf", "-inf" and "nan"."""
    columns = [f.name for f in fields(LayerRow)]
    return plain(
        {
            "schema": SCHEMA_VERSION,
            "name": report.name,
            "ok": report.ok,
            "verdict": report.verdict,
            "cause": report.cause.code if report.cause is not None else None,
            "findings": [finding.to_dict() for finding in report.findings],
            "layers": {"columns": columns, "rows": [[getattr(row, c) for c in columns] for row in report.layers]},
            "conditions": dict(report.conditions),
            "not_seen": list(report.not_seen),
            "seconds": dict(report.seconds),
            "parameter_count": report.parameter_count,
            "versions": dict(report.versions),
            "full": dict(report.full),
        }
    )


def to_text(report: Report) -> str:
    """`to_dict` as JSON text, indented but for the layers, which take one line each."""
    data = to_dict(report)
    rows = [json.dumps(row, allow_nan=False, separators=(",", ":")) for row in data["layers"]["rows"]]
    data["layers"]["rows"] = []
    text = json.dumps(data, indent=2, allow_nan=False)
    head, tail = text.rsplit('\n    "rows": []', 1)  # only this key stands so deep; names inside strings cannot hold a line break
    return head + '\n    "rows": [\n      ' + ",\n      ".join(rows) + "\n    ]" + tail


def from_dict(data: dict[str, Any]) -> Report:
    """The report that `to_dict` wrote."""
    rows = [dict(zip(data["layers"]["columns"], row, strict=True)) for row in data["layers"]["rows"]]
    return Report(
        name=data["name"],
        verdict=data["verdict"],
        findings=tuple(_finding(f) for f in data["findings"]),
        layers=tuple(LayerRow(**{k: _value(v) for k, v in row.items()}) for row in rows),
        conditions={k: _value(v) for k, v in data["conditions"].items()},
        not_seen=tuple(data["not_seen"]),
        seconds=data["seconds"],
        parameter_count=data["parameter_count"],
        versions=data["versions"],
        full=_value(data.get("full", {})),
    )


def _finding(data: dict[str, Any]) -> Finding:
    symptoms = tuple(_finding(s) for s in data["symptoms"])
    evidence = {k: _value(v) for k, v in data["evidence"].items()}
    return Finding(**{**data, "symptoms": symptoms, "remedies": tuple(data["remedies"]), "evidence": evidence})


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _value(v) for k, v in value.items()}
    if value in ("inf", "-inf", "nan"):
        return float(value)
    return tuple(_value(v) for v in value) if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """The value with everything turned into what JSON knows."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return float(value) if hasattr(value, "__float__") else str(value)
