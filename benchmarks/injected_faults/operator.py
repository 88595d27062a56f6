"""`operator`: the decorator that makes a function a fault (or a harmless change) for every base it applies to."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.injected_faults.base import Base

Change = Callable[[Base], tuple[Setting, tuple[Cause, ...]] | None]
"""The changed setting and the accepted causes, the plainest first; None where it does not apply."""


@dataclass(frozen=True)
class Operator:
    """One way to spoil a training, or (`harmless`) to change it without harm; its docstring says how."""

    name: str
    change: Change
    harmless: bool = False

    @property
    def says(self) -> str:
        return " ".join((self.change.__doc__ or "").split())


OPERATORS: dict[str, Operator] = {}


def operator(change: Change) -> Change:
    """Registers a fault under the function's name."""
    name = change.__name__.replace("_", "-")
    OPERATORS[name] = Operator(name, change)
    return change


def harmless(change: Callable[[Base], Setting | None]) -> Callable[[Base], Setting | None]:
    """Registers a change after which the training is as healthy as before."""

    def changed(base: Base) -> tuple[Setting, tuple[Cause, ...]] | None:
        setting = change(base)
        return None if setting is None else (setting, ())

    changed.__doc__ = change.__doc__
    name = change.__name__.replace("_", "-")
    OPERATORS[name] = Operator(name, changed, harmless=True)
    return change
