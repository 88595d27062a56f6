"""Every experiment of the lab, at its tiny scale: numbers agree, the figure is labelled, repeats are bit-identical. Never edited for a new item."""

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from steadygrad.lab import experiments
from steadygrad.lab.experiment import Experiment, Outcome
from steadygrad.lab.experiments import EXPERIMENTS
from steadygrad.lab.figure import Figure
from steadygrad.lab.svg import render

ALL = pytest.mark.parametrize("experiment", list(EXPERIMENTS), ids=lambda e: e.name)
RUN: dict[str, Outcome] = {}


def outcome(experiment: Experiment) -> Outcome:
    if experiment.name not in RUN:
        RUN[experiment.name] = experiment.run("tiny")
    return RUN[experiment.name]


@ALL
def test_numbers_agree_and_say_where_they_come_from(experiment: Experiment) -> None:
    found = outcome(experiment)
    assert found.numbers
    for number in found.numbers:
        assert number.agrees, number
        assert number.name and number.source and number.derivation
    assert len({number.name for number in found.numbers}) == len(found.numbers)


@pytest.mark.slow
@ALL
def test_repeats_are_bit_identical_and_leave_no_trace(experiment: Experiment) -> None:
    first, state = outcome(experiment), torch.get_rng_state()
    again = experiment.run("tiny")
    assert repr(again) == repr(first)
    assert torch.equal(torch.get_rng_state(), state)
    assert render(again.figure) == render(first.figure)


@pytest.mark.slow
@ALL
def test_numbers_are_measured_not_written(experiment: Experiment) -> None:
    """Another seed draws another network: something in the outcome moves, unless nothing in it is drawn."""
    other = experiment.run("tiny", seed=1)
    assert "seed" not in experiment.code or repr(other) != repr(outcome(experiment))
    wrong = [number for number in other.numbers if not number.agrees]
    assert not wrong, wrong


@ALL
def test_figures_are_labelled_and_drawn(experiment: Experiment) -> None:
    figure = outcome(experiment).figure
    for axis in (figure.x, figure.y):
        assert axis.label and axis.unit
    drawing = render(figure)
    ElementTree.fromstring(drawing)  # well formed
    assert not re.search(r"nan|inf\b|href|<script|@import|url\(", drawing)
    if isinstance(figure, Figure):
        labels = [each.label for each in figure.series]
        assert len(set(labels)) == len(labels) and all(labels)
        for each in figure.series:
            assert any(math.isfinite(v) for v in each.y), each.label


@ALL
def test_the_record_is_whole(experiment: Experiment) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", experiment.name)
    assert experiment.title and experiment.place and experiment.claims and all(claim.text for claim in experiment.claims)
    assert all(1 <= item <= 100 for item in experiment.items) and experiment.items
    assert set(experiment.settings) == {"tiny", "full"}
    assert experiment.code.startswith('"""') and type(experiment).__name__ in experiment.code


def test_every_file_is_exported() -> None:
    files = {f.stem for f in Path(experiments.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {type(e).__module__.rpartition(".")[2] for e in EXPERIMENTS}
