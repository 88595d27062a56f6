"""What every rule promises: it fires on its sick specimens at the right place, and is silent on everybody's healthy ones."""

import pytest

from steadygrad.door import check, explain
from steadygrad.graph.fingerprint import fingerprint
from steadygrad.rules.catalog import RULES
from steadygrad.rules.rule import Rule, Specimen

SICK = [(rule, specimen) for rule in RULES for specimen in rule.sick()]
HEALTHY = [(rule, specimen) for rule in RULES for specimen in rule.healthy()]


def name(value: object) -> str:
    return value.code if isinstance(value, type) else getattr(value, "name", str(value))


@pytest.mark.parametrize(("rule", "specimen"), SICK, ids=name)
def test_fires_on_sick_specimens_at_the_right_place(rule: type[Rule], specimen: Specimen) -> None:
    report = check(specimen.build(), **(specimen.settings or {}))
    first = report.cause or report.findings[0]
    found = [first, *(f for f in report.findings if f.code == rule.code)]
    assert any(f.code == rule.code for f in found), report
    if report.cause is not None:
        assert report.cause.code == rule.code, report
    mine = next(f for f in found if f.code == rule.code)
    if specimen.where is not None:
        assert mine.where == specimen.where, report
    assert mine.message.endswith(".") and mine.slug == rule.slug


@pytest.mark.parametrize(("rule", "specimen"), HEALTHY, ids=name)
def test_no_rule_raises_an_error_on_healthy_specimens(rule: type[Rule], specimen: Specimen) -> None:
    report = check(specimen.build(), **(specimen.settings or {}))
    assert report.ok, report


@pytest.mark.parametrize(("rule", "specimen"), SICK[::3], ids=name)
def test_specimens_are_left_as_they_were(rule: type[Rule], specimen: Specimen) -> None:
    case = specimen.build()
    before = fingerprint(case.model, case.optimizer, (case.inputs, case.targets))
    check(case, **(specimen.settings or {}))
    assert fingerprint(case.model, case.optimizer, (case.inputs, case.targets)) == before


@pytest.mark.parametrize("rule", list(RULES), ids=name)
def test_documents_itself(rule: type[Rule]) -> None:
    text = explain(rule.code)
    assert text == explain(rule.slug) and rule.title in text and "Source:" in text
    assert all(t.why for t in rule.thresholds.values())
    assert rule.code[0] in "DIAGNBLOST" and rule.code[1:].isdigit() and rule.slug == rule.slug.lower()
    assert 0 <= rule.priority <= 90 and rule.slug not in rule.explains
