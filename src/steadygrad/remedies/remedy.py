"""`Remedy`: the one extension point of repair."""

from typing import ClassVar

from steadygrad.case import Case
from steadygrad.remedies.change import Change
from steadygrad.rules.finding import Finding


class Remedy:
    """Heals what a finding names.

    A subclass is one file in `catalog/` and one export line there; it proposes a `Change` that can be undone.

    Class attributes:
        name: kebab-case, shown in findings.
        heals: slugs of the rules whose findings it heals.
        side_effects: what else changes, in words.
    """

    name: ClassVar[str]
    heals: ClassVar[tuple[str, ...]]
    side_effects: ClassVar[str]

    def propose(self, finding: Finding, case: Case) -> Change:
        """What to change; nothing is written yet."""
        raise NotImplementedError
