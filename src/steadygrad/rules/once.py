"""`once`: a view of the evidence that several rules read, computed by the first of them."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from steadygrad.probes.evidence import Evidence

T = TypeVar("T")


def once(view: Callable[[Evidence], T]) -> Callable[[Evidence], T]:
    """The same function, whose result is kept with the evidence it was computed from, and goes with it.

    Callers share the result and do not change it.
    """
    name = f"{view.__module__}.{view.__qualname__}"

    @wraps(view)
    def kept(evidence: Evidence) -> T:
        if name not in evidence.views:
            evidence.views[name] = view(evidence)
        found: T = evidence.views[name]
        return found

    return kept
