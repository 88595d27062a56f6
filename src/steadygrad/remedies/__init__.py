"""Remedies: what heals a finding. A remedy says which slugs it `heals`; the door attaches its name to the finding."""

from collections.abc import Iterable
from dataclasses import replace

from steadygrad.remedies.catalog import REMEDIES
from steadygrad.rules.finding import Finding


def attach(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, each with the names of the remedies that heal it."""
    return tuple(replace(f, remedies=tuple(r.name for r in REMEDIES if f.slug in r.heals)) for f in findings)
