"""Results on disk: JSON without nan or infinity in it, under a fingerprint of everything that decides the outcome."""

import hashlib
import json
import math
import os
import platform
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from steadygrad import __version__
from steadygrad.lab.experiment import Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, Grid, Series
from steadygrad.lab.number import Number
from steadygrad.whole_file import write_whole

FORMAT = 1


@dataclass(frozen=True)
class Result:
    """One finished run: its outcome, how long it took, and the fingerprint it is kept under.

    `seconds` have passed on the clock, `cpu_seconds` were spent in this process, by all its threads: what a busy machine takes is in the first
    alone. Of a run that went on from a checkpoint both count what came after it.
    """

    name: str
    scale: str
    seed: int
    outcome: Outcome
    seconds: float
    cpu_seconds: float
    machine: str
    fingerprint: str


def machine() -> str:
    """What the seconds were measured on."""
    return f"{platform.machine()}, {os.cpu_count()} CPUs, {torch.get_num_threads()} threads, Python {platform.python_version()}, torch {torch.__version__}"


def fingerprint(experiment: Experiment, scale: str, seed: int) -> str:
    """Settings, seed, code and versions: a run with another fingerprint might end otherwise."""
    parts = [FORMAT, experiment.name, scale, seed, experiment.settings[scale], experiment.code, __version__, torch.__version__, np.__version__]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()


def save(result: Result, path: Path) -> None:
    """Write the whole file or nothing."""
    write_whole(path, json.dumps(_plain({"format": FORMAT, **asdict(result)}), ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def load(path: Path, wanted: str) -> Result | None:
    """The result in `path` if it has the wanted fingerprint; None if there is none, or it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["fingerprint"] != wanted:
            return None
        return Result(**{**{field.name: found[field.name] for field in fields(Result)}, "outcome": _outcome(found["outcome"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _floats(values: list[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _outcome(found: dict[str, Any]) -> Outcome:
    numbers = tuple(Number(**{**n, **{key: float(n[key]) for key in ("measured", "expected", "tolerance")}}) for n in found["numbers"])
    figure = found["figure"]
    axes = {key: Axis(**figure[key]) for key in ("x", "y")}
    if "series" in figure:
        lines = tuple(Series(s["label"], _floats(s["x"]), _floats(s["y"]), s["line"], s["marks"]) for s in figure["series"])
        return Outcome(numbers, Figure(figure["title"], axes["x"], axes["y"], lines), found["remark"])
    cells = tuple(_floats(row) for row in figure["cells"])
    grid = Grid(
        figure["title"], axes["x"], axes["y"], tuple(figure["columns"]), tuple(figure["rows"]), cells, Axis(**figure["value"]), figure["low"], figure["high"],
        _floats(figure.get("line", ())),
    )  # fmt: skip
    return Outcome(numbers, grid, found["remark"])
