"""`Verdict`: what a detector said of one case, in terms that every detector shares."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The top cause of one case.

    Attributes:
        families: the families of faults it can mean; empty when nothing was named.
        where: module path, or "inputs", "targets", "loss", "optimizer"; "" when nothing was named.
        alarmed: at least one finding is an error.
        said: the detector's own words, for the list of misses.
    """

    families: frozenset[str] = frozenset()
    where: str = ""
    alarmed: bool = False
    said: str = "nothing"
