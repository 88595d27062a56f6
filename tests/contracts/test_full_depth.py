"""Full depth on every rule's specimens: healthy ones stay healthy, causes stay causes, and nothing stays behind."""

import pytest

from steadygrad.door import check
from steadygrad.graph.fingerprint import fingerprint
from steadygrad.pipeline import observe
from steadygrad.probes.experiments import EXPERIMENTS
from steadygrad.rules.catalog import RULES
from steadygrad.rules.rule import Rule, Specimen

FULL = [e for e in EXPERIMENTS if "fast" not in e.depths]
SICK = [(rule, specimen) for rule in RULES for specimen in rule.sick()]
HEALTHY = [(rule, specimen) for rule in RULES for specimen in rule.healthy()]


def name(value: object) -> str:
    return value.code if isinstance(value, type) else getattr(value, "name", str(value))


def some(pairs: list[tuple[type[Rule], Specimen]]) -> list:
    """Every twelfth runs always, the others in the slow suite."""
    return [pair if i % 12 == 0 else pytest.param(*pair, marks=pytest.mark.slow) for i, pair in enumerate(pairs)]


@pytest.mark.parametrize(("rule", "specimen"), some(HEALTHY), ids=name)
def test_healthy_specimens_stay_healthy(rule: type[Rule], specimen: Specimen) -> None:
    report = check(specimen.build(), **{**(specimen.settings or {}), "depth": "full"})
    assert report.ok, report
    assert not [n for n in report.not_seen if "was not measured" in n], report.not_seen


@pytest.mark.parametrize(("rule", "specimen"), some(SICK), ids=name)
def test_the_cause_stays_the_cause(rule: type[Rule], specimen: Specimen) -> None:
    case = specimen.build()
    before = fingerprint(case.model, case.optimizer, (case.inputs, case.targets))
    report = check(case, **{**(specimen.settings or {}), "depth": "full"})
    assert fingerprint(case.model, case.optimizer, (case.inputs, case.targets)) == before
    assert report.cause is None or report.cause.code == rule.code, report


def test_what_is_full_runs_only_then_and_says_what_it_costs() -> None:
    assert len(FULL) >= 4 and all(e.cost and e.unit and e.__class__.__doc__ for e in FULL)
    for rule in {rule for rule, specimen in SICK if specimen.settings}:
        specimen = next(s for s in rule.sick() if s.settings)
        first = specimen.build()
        assert not {e.name for e in FULL} & set(observe(first).experiments)
        told = {f.code: f.message for f in check(first).findings}
        if all(s.settings for s in rule.sick()):
            assert rule.code not in told
        else:  # it judges at fast depth too, by other numbers
            assert told.get(rule.code) != {f.code: f.message for f in check(specimen.build(), **specimen.settings).findings}[rule.code]
