"""`Report`: the frozen result of a check, and how it shows itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steadygrad.rules.finding import Finding

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class LayerRow:
    """One op of the network as a row of numbers.

    `q` is the second moment of its output, `gradient_q` that of the loss's gradient with respect to it (None where
    none arrived); shares are in [0, 1]; `cosine` is the mean cosine between samples' centred outputs, `weight_std` the
    standard deviation of the (first) weight and `weight_std_expected` what theory asks for at this use.
    `findings` are codes of the findings that name this row.
    """

    index: int
    where: str
    op: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    call: int = 0
    mean: float | None = None
    q: float | None = None
    absmax: float | None = None
    zero_share: float | None = None
    nonfinite_share: float | None = None
    gradient_q: float | None = None
    gradient_absmax: float | None = None
    dead_units: float | None = None
    saturated_units: float | None = None
    duplicate_units: float | None = None
    cosine: float | None = None
    magnitudes: tuple[int, ...] = ()
    first_exponent: int = 0
    parameters: tuple[str, ...] = ()
    weight_std: float | None = None
    weight_std_expected: float | None = None
    update_ratio: float | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """The answer: a verdict, the one cause, its evidence, and a row per layer.

    Attributes:
        name: the model's name.
        verdict: one sentence; the first thing shown.
        findings: ranked, causes first, symptoms folded beneath their cause.
        layers: a row per op in execution order.
        conditions: how it was measured (mode, batch size, dtype, device, loss, cotangent, generated inputs …).
        not_seen: sentences naming what could not be looked into.
        seconds: stage → seconds.
        parameter_count: entries of all parameters.
        versions: of steadygrad, torch, python.
        full: what full depth measured, by experiment ("curvature", "jacobian", "mode-gap", "rehearsal"); {} at fast depth.
    """

    name: str
    verdict: str
    findings: tuple[Finding, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict)
    not_seen: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    parameter_count: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    full: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def cause(self) -> Finding | None:
        """The finding that explains the failure: the first error, or None when there is none."""
        return next((finding for finding in self.findings if finding.severity == "error"), None)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able data; `schema` is raised when a field changes meaning."""
        from steadygrad.report.json import to_dict

        return to_dict(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text, written to `path` when given; a layer is one line, so that ten thousand stay small."""
        from steadygrad.report.json import to_text

        text = to_text(self)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def to_html(self, path: str | Path | None = None) -> str:
        """The report as one self-contained HTML page, written to `path` when given."""
        from steadygrad.report.html import render

        text = render(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __str__(self) -> str:
        """The report as plain text, 80 columns."""
        from steadygrad.report.terminal import to_text

        return to_text(self)

    def _repr_html_(self) -> str:
        from steadygrad.report.html import render_inline

        return render_inline(self)
