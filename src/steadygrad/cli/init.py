"""`steadygrad init TARGET -o weights.safetensors`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steadygrad.errors import InputError, SteadygradError
from steadygrad.whole_file import check_writable

if TYPE_CHECKING:
    from steadygrad.case import Case
    from steadygrad.planner.plan import Plan


def init(
    target: str = typer.Argument(..., help="path/to/file.py:NAME, package.module:NAME, timm:NAME, torchvision:NAME or hf:MODEL_TYPE, as for check."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Write the weights to this safetensors file; without it, only show the plan."),
    scheme: str = typer.Option("auto", help="auto, a recipe (xavier, he, lsuv, gpt2, fixup, deepnorm, t_fixup, admin, mup, spectral) or a scheme for all weights."),
    seed: int = typer.Option(0, help="Of all draws."),
    input: list[str] = typer.Option([], "--input", help="Shape of a generated input, as for check."),
    batch: str = typer.Option("", help="FILE:NAME of a batch, as for check."),
    override: list[str] = typer.Option([], "--override", help="REGEX=SCHEME for the parameters it is found in. Repeatable."),
    keep: list[str] = typer.Option([], "--keep", help="REGEX of parameters to leave as the model makes them. Repeatable."),
    format: str = typer.Option("text", help="text or json, of the plan."),
    traceback: bool = typer.Option(False, help="Show the Python traceback of errors."),
) -> None:
    """Plan the initialization of a model, and write it; a killed run goes on where it stopped."""
    if format not in ("text", "json"):
        raise InputError(f"`--format` must be text or json, got {format!r}")
    if output is not None:
        check_writable(output)
    settings = {"scheme": scheme, "seed": seed, "overrides": dict(_pair(text) for text in override), "keep": keep}
    case, made = _planned(target, input, batch, seed, settings)
    typer.echo(made.to_json() if format == "json" else str(made))
    if output is not None:
        with _Bar() as bar:
            made.write(case.model, output, bar)
        typer.echo(f"written to {output}", err=format == "json")


def _pair(text: str) -> tuple[str, str]:
    pattern, equals, scheme = text.rpartition("=")
    if not (equals and pattern and scheme):
        raise InputError(f"`--override` must look like REGEX=SCHEME, got {text!r}; for example --override 'head.weight=zeros'")
    return pattern, scheme


def _planned(target: str, input: list[str], batch: str, seed: int, settings: dict[str, Any]) -> "tuple[Case, Plan]":
    """On the meta device where the model can be built there and nothing it made would be lost; else with its numbers."""
    import torch

    from steadygrad.graph.lazy import has_lazy, materialise_
    from steadygrad.planner import plan
    from steadygrad.planner.materialize import check_complete
    from steadygrad.randomness.stream import checked
    from steadygrad.targets import case_from

    checked(seed, 0, 0, "init")
    if not batch and not settings["keep"]:
        try:
            with torch.device("meta"):
                case = case_from(target, inputs=input, seed=seed, bare=True)
            if not has_lazy(case.model):
                made = plan(case.model, case.inputs, **settings)
                check_complete(made, case.model)
                return case, made
        except (SteadygradError, NotImplementedError, RuntimeError):  # cannot be built on meta, or keeps numbers it makes
            pass
    case = case_from(target, inputs=input, batch=batch, seed=seed, bare=True)
    if case.inputs is not None and has_lazy(case.model):
        materialise_(case.model, case.inputs)
    return case, plan(case.model, case.inputs, **settings)


class _Bar:
    """A progress line on stderr, when somebody is watching."""

    def __enter__(self) -> "_Bar":
        from rich.console import Console
        from rich.progress import Progress

        self.progress = Progress(console=Console(stderr=True), transient=True)
        self.task = self.progress.add_task("drawing", total=None)
        self.progress.start()
        return self

    def __call__(self, name: str, number: int, total: int) -> None:
        self.progress.update(self.task, description=name, completed=number - 1, total=total)

    def __exit__(self, *ignored: object) -> None:
        self.progress.stop()
