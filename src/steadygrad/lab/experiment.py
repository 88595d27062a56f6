"""What an experiment is: settings for two scales, claims, and a measurement that ends in numbers and a figure."""

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from steadygrad.errors import InputError
from steadygrad.lab.figure import Figure, Grid
from steadygrad.lab.number import Number

SCALES = ("tiny", "full")
STANDINGS = ("proven", "measured", "hunch")


@dataclass(frozen=True)
class Claim:
    """One sentence, and whether it is proven, measured, or a hunch."""

    standing: str
    text: str

    def __post_init__(self) -> None:
        if self.standing not in STANDINGS:
            raise InputError(f"`standing` of a claim must be one of {', '.join(STANDINGS)}, got {self.standing!r}")


@dataclass(frozen=True)
class Outcome:
    """What a run found: numbers beside the expected ones, one figure, and a sentence on it (may be empty)."""

    numbers: tuple[Number, ...]
    figure: Figure | Grid
    remark: str = ""

    @property
    def agrees(self) -> bool:
        """Whether every number agrees."""
        return all(number.agrees for number in self.numbers)


def silent(done: int, of: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Bench:
    """Where an experiment runs: its seed, who watches (called with steps done and steps in all), the folder of data sets if one was given.

    `keep` is a folder, perhaps not made yet, where a long run leaves checkpoints and finds its own; None where nothing should be left.
    """

    seed: int = 0
    progress: Callable[[int, int], None] = field(default=silent, repr=False)
    data: Path | None = None
    keep: Path | None = None


class Experiment(ABC):
    """One experiment of the chapters.

    Attributes:
        name: kebab-case, as the command line takes it.
        title: one line.
        place: where in the chapters it stands.
        items: numbers in the list of everything the chapters describe.
        claims: what it shows, and how sure that is.
        settings: for each scale the keyword arguments of `measure`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    place: ClassVar[str]
    items: ClassVar[tuple[int, ...]]
    claims: ClassVar[tuple[Claim, ...]]
    settings: ClassVar[Mapping[str, Mapping[str, Any]]]

    @abstractmethod
    def measure(self, bench: Bench, **settings: Any) -> Outcome:
        """Run with these settings; the same bench and settings give the same outcome, bit for bit."""

    def run(
        self, scale: str = "full", seed: int = 0, progress: Callable[[int, int], None] = silent, data: Path | None = None, keep: Path | None = None
    ) -> Outcome:
        """Run at a scale. torch's global random state is left as it was.

        Args:
            scale: "tiny" (below a second) or "full".
            seed: of all draws, in [0, 2⁶³).
            progress: called with steps done and steps in all.
            data: folder of data sets; the environment's STEADYGRAD_DATA or a download without one.
            keep: folder for checkpoints of long runs, which go on from there after a kill; none are written without one.

        Raises:
            InputError: an unknown scale or seed; data that is neither on disk nor to be had.
        """
        import torch

        if scale not in SCALES:
            raise InputError(f"`scale` must be one of {', '.join(SCALES)}, got {scale!r}")
        if not (isinstance(seed, int) and 0 <= seed < 2**63):
            raise InputError(f"`seed` must be an integer in [0, 2^63), got {seed!r}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.measure(Bench(seed, progress, data, keep), **self.settings[scale])

    @property
    def code(self) -> str:
        """The source text of the file it stands in."""
        return inspect.getsource(sys.modules[type(self).__module__])
