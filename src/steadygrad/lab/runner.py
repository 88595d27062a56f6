"""Run experiments one after the other; what is finished stays finished."""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from steadygrad.errors import InputError, SteadygradError
from steadygrad.lab import record
from steadygrad.lab.experiment import Experiment
from steadygrad.lab.fashion_mnist import cache_folder

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Failed:
    """An experiment that could not be run, and why."""

    name: str
    why: str


def run_one(
    experiment: Experiment, scale: str, seed: int, *, folder: Path | None = None, data: Path | None = None, watch: Watch | None = None
) -> record.Result:
    """The result of one experiment: read from `folder` if it was finished there under the same settings, else measured and kept there.

    Checkpoints of a long run stand in its `checkpoints`, in the user's cache without a folder, until the run is finished.

    Raises:
        InputError: an unknown scale; data that cannot be had; a folder that cannot be written.
    """
    seen = record.fingerprint(experiment, scale, seed) if scale in experiment.settings else ""
    path = None if folder is None else results_folder(folder) / f"{experiment.name}.json"
    kept = None if path is None else record.load(path, seen)
    if kept is not None:
        return kept
    start, spent = time.perf_counter(), time.process_time()
    keep = (cache_folder().parent / "lab" if folder is None else folder) / "checkpoints" / f"{experiment.name}-{seen[:16]}"
    outcome = experiment.run(scale, seed, lambda done, of: watch(experiment.name, done, of) if watch else None, data, keep)
    took = (time.perf_counter() - start, time.process_time() - spent)
    result = record.Result(experiment.name, scale, seed, outcome, *took, record.machine(), seen)
    if path is not None:
        record.save(result, path)
    shutil.rmtree(keep, ignore_errors=True)
    return result


def run_many(
    experiments: Iterable[Experiment], scale: str, seed: int, *, folder: Path | None = None, data: Path | None = None, watch: Watch | None = None,
    each: Callable[[record.Result | Failed], None] = lambda finished: None,
) -> None:  # fmt: skip
    """Every experiment in order, `each` told of every one; one that cannot be run (no data) does not stop the others."""
    for experiment in experiments:
        try:
            each(run_one(experiment, scale, seed, folder=folder, data=data, watch=watch))
        except SteadygradError as error:
            each(Failed(experiment.name, str(error)))


def results_folder(folder: Path) -> Path:
    """Where the results of a site are kept; made if it is not there.

    Raises:
        InputError: it cannot be made.
    """
    results = folder / "results"
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"`{folder}` cannot be written ({error.strerror}); give -o a folder of your own") from error
    return results
