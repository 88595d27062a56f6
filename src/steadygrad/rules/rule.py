"""`Rule`: the one extension point of the diagnosis."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding, Severity


@dataclass(frozen=True)
class Threshold:
    """A number a rule compares with: its value and where that value comes from (shown by `explain`)."""

    value: float
    why: str


@dataclass(frozen=True)
class Specimen:
    """A small case that shows a rule sick or healthy.

    `build` returns a fresh, seeded `Case`; `where` is the place a sick specimen's finding must name (None on healthy
    ones); `settings` are keyword arguments for `check` (such as `depth="full"`).
    """

    name: str
    build: Callable[[], Case]
    where: str | None = None
    settings: Mapping[str, Any] = None  # type: ignore[assignment]


class Rule:
    """One way in which a network fails to train.

    A subclass sets the class attributes, yields findings from `examine`, and brings its own specimens. Its class
    docstring is its page in the documentation and what `steadygrad explain CODE` prints: what is seen, why it stops
    training, what to do, the formula and its source.

    Class attributes:
        code: family letter + number, never reused.
        slug: kebab-case name.
        title: a few words for lists.
        explains: slugs of the findings this one can be the cause of (its consequences).
        priority: rank among causes, smaller is more fundamental (0 data that is not a number … 90 consequences);
            see judge.py for the ladder.
        thresholds: name → `Threshold`; overridable through configuration as `slug.name = value`.
        anywhere: True when, as a consequence, it may show upstream of its cause, as gradients do.
        needs_data: True when it judges the data, and is therefore off for generated inputs.
    """

    code: ClassVar[str]
    slug: ClassVar[str]
    title: ClassVar[str]
    explains: ClassVar[tuple[str, ...]] = ()
    priority: ClassVar[int] = 50
    thresholds: ClassVar[Mapping[str, Threshold]] = {}
    anywhere: ClassVar[bool] = False
    needs_data: ClassVar[bool] = False

    def __init__(self, overrides: Mapping[str, float] | None = None) -> None:
        self._overrides = dict(overrides or {})

    def threshold(self, name: str) -> float:
        """The value in force for threshold `name`."""
        return self._overrides.get(name, self.thresholds[name].value)

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Yield what this rule sees in the evidence, first place first."""
        raise NotImplementedError

    def finding(self, severity: Severity, where: str, message: str, **details: Any) -> Finding:
        """A `Finding` with this rule's code and slug filled in."""
        return Finding(code=self.code, slug=self.slug, severity=severity, where=where, message=message, **details)

    @classmethod
    def sick(cls) -> Iterable[Specimen]:
        """Cases on which the rule must fire, at the place each specimen names."""
        raise NotImplementedError

    @classmethod
    def healthy(cls) -> Iterable[Specimen]:
        """Cases near the sick ones on which no rule may raise an error."""
        raise NotImplementedError


def with_severity(finding: Finding, severity: Severity) -> Finding:
    """The same finding at another severity."""
    return replace(finding, severity=severity)
