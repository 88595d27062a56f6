"""A static site of results: an index, and for each experiment its figure, numbers, claims, code and run time. Every name is escaped."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from steadygrad.lab.experiment import Experiment
from steadygrad.lab.record import Result
from steadygrad.lab.runner import Failed
from steadygrad.lab.svg import render
from steadygrad.whole_file import write_whole


def number(value: float) -> str:
    """Seven digits at most, as short as they come.

    Example:
        >>> number(0.25), number(3.3523767e-4), number(float("inf"))
        ('0.25', '0.0003352377', '∞')
    """
    return f"{value:.7g}".replace("inf", "∞")


def write_site(folder: Path, finished: Sequence[tuple[Experiment, Result]], failed: Sequence[Failed] = ()) -> Path:
    """Write index.html, one page and one SVG for each result; returns the index."""
    environment = Environment(loader=PackageLoader("steadygrad", "lab/data"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    for experiment, result in finished:
        drawing = render(result.outcome.figure)
        write_whole(folder / f"{experiment.name}.svg", drawing)
        page = environment.get_template("experiment.html").render(
            title=f"{experiment.name} – steadygrad lab", experiment=experiment, result=result, outcome=result.outcome, drawing=Markup(drawing), # noqa: S704 - ours, escaped there
        )  # fmt: skip
        write_whole(folder / f"{experiment.name}.html", page)
    index = folder / "index.html"
    write_whole(index, environment.get_template("index.html").render(title="steadygrad lab", finished=finished, failed=failed))
    return index
