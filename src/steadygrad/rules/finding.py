"""`Finding`: one thing a rule saw, with the numbers that led there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One broken thing, or one sign of it.

    Attributes:
        code: a family letter and a number, never reused ("I101").
        slug: the name people type and search for ("weight-scale").
        severity: "error" needs a mechanism that stops training; magnitude alone is at most a "warning".
        where: module path at which it starts, or "inputs", "targets", "loss", "optimizer".
        message: one sentence with the numbers; the first thing a person reads.
        evidence: the numbers, by name; JSON-able.
        advice: what to do about it, one or two sentences.
        snippet: code to paste that does it, or "".
        confidence: 0 … 1, how surely this, rather than something else, is what the numbers mean.
        node: index of the op at which it starts, None when it is no op.
        parameter: name of the parameter concerned, or "".
        symptoms: findings that this one explains.
        remedies: names of the remedies that heal it.
        explains: slugs it can be the cause of, where that is fewer than its rule's; None for the rule's.
        suspicion: no finding by itself; the judge keeps it only as the cause of another that nothing surer explains.
    """

    code: str
    slug: str
    severity: Severity
    where: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""
    snippet: str = ""
    confidence: float = 1.0
    node: int | None = None
    parameter: str = ""
    symptoms: tuple["Finding", ...] = ()
    remedies: tuple[str, ...] = ()
    explains: tuple[str, ...] | None = None
    suspicion: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON-able data."""
        return {
            "code": self.code,
            "slug": self.slug,
            "severity": self.severity,
            "where": self.where,
            "message": self.message,
            "evidence": dict(self.evidence),
            "advice": self.advice,
            "snippet": self.snippet,
            "confidence": self.confidence,
            "node": self.node,
            "parameter": self.parameter,
            "symptoms": [symptom.to_dict() for symptom in self.symptoms],
            "remedies": list(self.remedies),
        }
