"""Which rules run, and with which thresholds."""

from collections.abc import Iterable, Mapping

from steadygrad.errors import TargetError
from steadygrad.registry import Catalogue
from steadygrad.rules.rule import Rule


def selected(
    rules: Catalogue[type[Rule]], select: Iterable[str], ignore: Iterable[str], thresholds: Mapping[str, float]
) -> list[Rule]:
    """Instances of the rules to run.

    Args:
        rules: all there are.
        select: codes, code prefixes ("I", "G1") or slugs; empty means all.
        ignore: the same, to leave out.
        thresholds: `{"slug.name": value}`.

    Raises:
        TargetError: a name matches no rule or no threshold.
    """
    chosen, dropped = _matching(rules, select), _matching(rules, ignore)
    for key in thresholds:
        slug, _, name = key.partition(".")
        known = rules[slug].thresholds
        if name not in known:
            raise TargetError(f"rule `{slug}` has no threshold `{name}`; it has {', '.join(sorted(known)) or 'none'}")
    made = []
    for rule in rules:
        if (not chosen or rule in chosen) and rule not in dropped:
            prefix = rule.slug + "."
            made.append(rule({k.removeprefix(prefix): v for k, v in thresholds.items() if k.startswith(prefix)}))
    return made


def _matching(rules: Catalogue[type[Rule]], names: Iterable[str]) -> set[type[Rule]]:
    found: set[type[Rule]] = set()
    for name in names:
        matches = {r for r in rules if name == r.slug or r.code.startswith(name.upper())}
        found |= matches or {rules[name]}
    return found
