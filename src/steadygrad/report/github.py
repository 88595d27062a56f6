"""Findings as GitHub workflow annotations."""

from steadygrad.report.record import Report

LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def annotations(report: Report, file: str = "") -> str:
    """One `::error …::message` line per finding, escaped as the runner expects.

    Source: docs.github.com, "Workflow commands for GitHub Actions".
    """
    lines = []
    for finding in report.findings:
        title = _property(f"{finding.code} {finding.slug} at {finding.where or report.name}")
        place = f"file={_property(file)}," if file else ""
        advice = f" {finding.advice}" if finding.advice else ""
        lines.append(f"::{LEVELS[finding.severity]} {place}title={title}::{_data(finding.message + advice)}")
    lines.append(f"::{'notice' if report.ok else 'error'} title={_property(report.name)}::{_data(report.verdict)}")
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
