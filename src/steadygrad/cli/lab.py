"""`steadygrad lab list`, `steadygrad lab run NAME…`, `steadygrad lab run --all -o SITE`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from steadygrad.errors import InputError

if TYPE_CHECKING:
    from steadygrad.lab.experiment import Experiment
    from steadygrad.lab.record import Result
    from steadygrad.lab.runner import Failed, Watch

application = typer.Typer(
    help="Run the chapters' experiments: figures, and numbers beside the expected ones.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@application.command("list")
def list_() -> None:
    """Name all experiments."""
    from steadygrad.lab.experiments import EXPERIMENTS

    width = max(len(experiment.name) for experiment in EXPERIMENTS)
    for experiment in EXPERIMENTS:
        print(f"{experiment.name:<{width}}  {experiment.title}")


@application.command("run")
def run(
    names: list[str] = typer.Argument(None, help="Names of experiments, as `steadygrad lab list` gives them."),
    every: bool = typer.Option(False, "--all", help="All experiments."),
    scale: str = typer.Option("full", "--scale", help="full, or tiny (seconds for all)."),
    seed: int = typer.Option(0, "--seed", help="Seed of all draws."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="Write a site into this folder: index, figures, numbers, code. What is finished there is not run again."
    ),
    data: Path | None = typer.Option(None, "--data", help="Folder of data sets (else STEADYGRAD_DATA, else a download)."),
    jobs: int = typer.Option(1, "-j", "--jobs", help="Processes for experiments that sweep over many trainings."),
    traceback: bool = typer.Option(False, help="Show the Python traceback of errors."),
) -> None:
    """Run experiments. Status 1 when a number disagrees, 2 when one could not be run."""
    from joblib import parallel_config

    from steadygrad.lab.experiment import SCALES
    from steadygrad.lab.experiments import EXPERIMENTS
    from steadygrad.lab.runner import Failed, results_folder, run_many

    if scale not in SCALES:
        raise InputError(f"`--scale` must be one of {', '.join(SCALES)}, got {scale!r}")
    if bool(names) == every:
        raise InputError(f"`lab run` must be given names or --all, got {names or 'neither'}; `steadygrad lab list` names them")
    if data is not None and not data.is_dir():
        raise InputError(f"`--data` must be a folder, got `{data}`")
    if jobs < 1:
        raise InputError(f"`--jobs` must be at least 1, got {jobs!r}")
    chosen = list(EXPERIMENTS) if every else [EXPERIMENTS[name] for name in dict.fromkeys(names)]
    if output is not None:
        results_folder(output)
    finished: list[Result | Failed] = []
    interrupted = False

    def each(done: "Result | Failed") -> None:
        finished.append(done)
        _tell(done)

    try:
        with _progress(len(chosen)) as watch, parallel_config("loky", n_jobs=jobs):
            run_many(chosen, scale, seed, folder=output, data=data, watch=watch, each=each)
    except KeyboardInterrupt:
        interrupted = True
    failed = [done for done in finished if isinstance(done, Failed)]
    results = [done for done in finished if not isinstance(done, Failed)]
    if output is not None and finished:
        _write(output, results, failed)
    if interrupted:
        print(
            f"steadygrad: interrupted; {len(results)} of {len(chosen)} experiments are finished{' and kept: the same command goes on from there' if output else ''}",
            file=sys.stderr,
        )
        sys.exit(130)
    raise typer.Exit(2 if failed else 0 if all(result.outcome.agrees for result in results) else 1)


def _write(output: Path, results: "list[Result]", failed: "list[Failed]") -> None:
    from steadygrad.lab.experiments import EXPERIMENTS
    from steadygrad.lab.site import write_site

    pairs: list[tuple[Experiment, Result]] = [(EXPERIMENTS[result.name], result) for result in results]
    print(f"written to {write_site(output, pairs, failed)}")


def _tell(done: "Result | Failed") -> None:
    """One line for the experiment, one for each number."""
    from steadygrad.lab.runner import Failed

    if isinstance(done, Failed):
        print(f"{done.name}: not run: {done.why}", file=sys.stderr)
        return
    from steadygrad.lab.site import number

    numbers = done.outcome.numbers
    print(f"{done.name}: {sum(n.agrees for n in numbers)} of {len(numbers)} numbers agree, {done.seconds:.1f} s ({done.cpu_seconds:.1f} of CPU)")
    for n in numbers:
        relation = f"± {n.tolerance:.2g}" if n.relation == "=" and n.tolerance else ""
        print(
            f"  {'✓' if n.agrees else '✗'} {n.name}: {number(n.measured)}, expected {n.relation + ' ' if n.relation != '=' else ''}{number(n.expected)} {relation}".rstrip()
        )
    if done.outcome.remark:
        print(f"  {done.outcome.remark}")


@contextmanager
def _progress(count: int) -> "Iterator[Watch | None]":
    """A bar on standard error while a terminal is watching; None in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        whole, part = bar.add_task("experiments", total=count), bar.add_task("", total=None)
        seen: list[str] = []

        def watch(name: str, done: int, of: int) -> None:
            if name not in seen:
                seen.append(name)
                bar.update(whole, completed=len(seen) - 1)
            bar.update(part, description=name, completed=done, total=of)

        yield watch
        bar.update(whole, completed=count)
