"""Every fault in every base it applies to, as the same `Program` that the real collection uses."""

from dataclasses import dataclass

from benchmarks.faulty_programs.program import Program
from benchmarks.faulty_programs.split import half_of
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.bases import BASES
from benchmarks.injected_faults.operator import Operator
from benchmarks.injected_faults.operators import OPERATORS


@dataclass(frozen=True, eq=False)
class Injected(Program):
    """A base with one change; `faulty` is the changed setting, `counterpart` the base (None for a harmless change)."""

    base: Base = None  # type: ignore[assignment]
    operator: Operator = None  # type: ignore[assignment]

    @property
    def half(self) -> str:
        """The base's: a held-back network is unseen with every fault."""
        return half_of(self.base.name)

    @property
    def reason(self) -> str:
        return self.operator.says


def inject(base: Base, operator: Operator) -> Injected | None:
    """The base changed; None where the operator does not apply."""
    changed = operator.change(base)
    if changed is None:
        return None
    setting, causes = changed
    counterpart = None if operator.harmless else base.setting
    return Injected(f"{base.name}/{operator.name}", setting, counterpart, causes, base.steps, base, operator)


def catalogue() -> dict[str, Injected]:
    made = (inject(base, operator) for base in BASES.values() for operator in OPERATORS.values())
    return {program.id: program for program in made if program is not None}
