"""The judge: causes over consequences, one broken thing is one error.

The ladder of `Rule.priority`, from what explains most to what explains least:

     0  numbers that are no numbers in data or weights
    10  the loss cannot see its target (labels, pairing, shapes)
    20  structure: what is missing, frozen, detached, constant by construction
    30  initialization: symmetry, scale of weights
    40  scale of inputs and targets
    50  activations: saturation, death, collapse
    60  optimizer: learning rate, groups
    70  normalization and precision
    80  consequences: a signal or gradient that grew, shrank or stopped being finite

1. A finding is *explained* by another that lists its slug under `explains`, stands higher on the ladder, and lies
   where a cause can lie: not downstream of it, unless the symptom is one that shows anywhere (`Rule.anywhere`).
   A *suspicion* – a number that is unusual but harmless by itself – explains only what nothing surer explains, and is
   forgotten when that is nothing: it can give an alarm its right name, never raise one.
2. A warning that explains an error has found its mechanism: it becomes the error, and the error its symptom.
3. Findings of one rule are one finding: the first in execution order, the others beneath it.
4. What remains is sorted: errors, then warnings, then notes; each by ladder, then by place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, with_severity

SEVERITIES = {"error": 0, "warning": 1, "note": 2}


def judge(findings: Iterable[Finding], rules: Mapping[str, Rule]) -> tuple[Finding, ...]:
    """Rank findings, promote causes, fold symptoms beneath them.

    Args:
        findings: as the rules yielded them.
        rules: slug → rule, for `priority`, `explains` and `anywhere`.
    """
    ranked = sorted(findings, key=lambda f: _rank(f, rules))
    parents = {i: _explainer(i, ranked, rules) for i in range(len(ranked))}
    idle = {i for i, f in enumerate(ranked) if f.suspicion and i not in {p for j, p in parents.items() if j != i and not ranked[j].suspicion}}
    ranked, parents = _without(idle, ranked, parents)
    parents.update(_repeats(ranked, parents))
    roots = {i: _root(i, parents) for i in parents}
    result = []
    for i, finding in enumerate(ranked):
        if roots[i] != i:
            continue
        beneath = [ranked[j] for j in range(len(ranked)) if roots[j] == i and j != i]
        severity = min((f.severity for f in (finding, *beneath)), key=SEVERITIES.__getitem__)
        cause = with_severity(finding, severity) if severity != finding.severity else finding
        result.append(replace(cause, symptoms=(*cause.symptoms, *beneath)))
    return tuple(sorted(result, key=lambda f: (SEVERITIES[f.severity], *_rank(f, rules))))


def _rank(finding: Finding, rules: Mapping[str, Rule]) -> tuple[int, float, float]:
    place = float("inf") if finding.node is None else float(finding.node)
    return rules[finding.slug].priority, place, -finding.confidence


def _without(gone: set[int], ranked: list[Finding], parents: Mapping[int, int]) -> tuple[list[Finding], dict[int, int]]:
    """The same list without some entries that explain nothing, renumbered."""
    kept = [i for i in range(len(ranked)) if i not in gone]
    place = {old: new for new, old in enumerate(kept)}
    return [ranked[i] for i in kept], {place[i]: place.get(parents[i], place[i]) for i in kept}


def _explainer(index: int, ranked: list[Finding], rules: Mapping[str, Rule]) -> int:
    """The highest finding that explains this one, suspicions last; itself when there is none."""
    symptom = ranked[index]
    for i, cause in sorted(enumerate(ranked), key=lambda item: item[1].suspicion):
        explains = rules[cause.slug].explains if cause.explains is None else cause.explains
        if i == index or cause.severity == "note" or symptom.slug not in explains:
            continue
        if rules[cause.slug].priority <= rules[symptom.slug].priority and _can_reach(cause, symptom, rules):
            return i
    return index


def _can_reach(cause: Finding, symptom: Finding, rules: Mapping[str, Rule]) -> bool:
    if cause.node is None or symptom.node is None or rules[symptom.slug].anywhere:
        return True
    return cause.node <= symptom.node


def _repeats(ranked: list[Finding], parents: Mapping[int, int]) -> dict[int, int]:
    """Later findings of a rule hang on its first unexplained one of the same or higher severity."""
    first: dict[str, int] = {}
    found = {}
    for i, finding in enumerate(ranked):
        if parents[i] != i:
            continue
        head = first.setdefault(finding.slug, i)
        if head != i and SEVERITIES[ranked[head].severity] <= SEVERITIES[finding.severity]:
            found[i] = head
    return found


def _root(index: int, parents: Mapping[int, int]) -> int:
    seen = set()
    while parents[index] != index and index not in seen:
        seen.add(index)
        index = parents[index]
    return index
