"""`steadygrad check TARGET`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steadygrad.errors import InputError
from steadygrad.whole_file import check_writable, write_whole

if TYPE_CHECKING:
    from steadygrad.report.record import Report

FORMATS = ("text", "json", "html", "github")


def check(
    target: str = typer.Argument(..., help="path/to/file.py:NAME, package.module:NAME, timm:NAME, torchvision:NAME or hf:MODEL_TYPE; NAME is a module, a factory, or a factory of a Case."),
    input: list[str] = typer.Option([], "--input", help="Shape of a generated input, e.g. 64x3x32x32 or 8x128:int64<50257; NAME=SHAPE for keyword inputs. Repeatable."),
    batch: str = typer.Option("", help="FILE:NAME of a batch (inputs, or a tuple of inputs and targets)."),
    loss: str = typer.Option("", help="Name of a torch.nn.functional loss, e.g. cross_entropy."),
    full: bool = typer.Option(False, "--full", help="Also run the measurements that need passes of their own."),
    mode: str = typer.Option("train", help="Measure in train or eval mode."),
    select: list[str] = typer.Option([], help="Only these rules: codes, prefixes or slugs, comma-separated."),
    ignore: list[str] = typer.Option([], help="Leave these rules out."),
    format: str = typer.Option("text", help="text, json, html or github."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Write the report to this file."),
    seed: int = typer.Option(0, help="Seed of generated inputs and of factories."),
    traceback: bool = typer.Option(False, help="Show the Python traceback of errors."),
) -> None:
    """Check one model on one batch: will it train, and the one cause if not."""
    from steadygrad.configuration import settings

    if format not in FORMATS:
        raise InputError(f"`--format` must be one of {', '.join(FORMATS)}, got {format!r}")
    if output is not None:
        check_writable(output)
    defaults = settings(Path.cwd())
    from steadygrad.door import check as run
    from steadygrad.targets import case_from

    case = case_from(target, inputs=input, batch=batch, loss=loss, seed=seed, defaults=defaults)
    with Stages() as stages:
        report = run(
            case,
            depth="full" if full or defaults.get("full") else "fast",
            mode=mode,
            select=_codes(select) or defaults.get("select", ()),
            ignore=_codes(ignore) or defaults.get("ignore", ()),
            thresholds=defaults.get("thresholds", {}),
            progress=stages,
        )
    _show(report, format, output, target)
    raise typer.Exit(0 if report.ok else 1)


def _codes(values: list[str]) -> list[str]:
    return [code for value in values for code in value.split(",") if code]


def _show(report: "Report", format: str, output: Path | None, target: str) -> None:
    if format == "text" and output is None:
        from steadygrad.report.terminal import print_report

        print_report(report)
        return
    if format == "github":
        from steadygrad.report.github import annotations

        file = target.rpartition(":")[0]
        text = annotations(report, file if file.endswith(".py") else "")
    else:
        text = {"text": report.__str__, "json": report.to_json, "html": report.to_html}[format]()
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return
    write_whole(output, text)
    print(f"{report.verdict}\nwritten to {output}")


class Stages:
    """Stage names on standard error while a terminal is watching; nothing in a pipe."""

    def __init__(self) -> None:
        self._status: Any = None

    def __enter__(self) -> "Stages":
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("starting")
            self._status.start()
        return self

    def __call__(self, name: str) -> None:
        """Announce a stage."""
        if self._status is not None:
            self._status.update(name)

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
