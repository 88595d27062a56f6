"""Figures become well-formed, self-contained, labelled drawings; ticks are where the numbers are."""

import math
import re
from xml.etree import ElementTree

import pytest

from steadygrad.errors import InputError
from steadygrad.lab.figure import Axis, Figure, Grid, series
from steadygrad.lab.svg import COLOURS, DASHES, render
from steadygrad.lab.ticks import Scale

X, Y = Axis("depth", "layers"), Axis("gradient", "no unit", True)


def test_a_figure_has_its_labels_legend_and_escapes() -> None:
    figure = Figure("<b>a & b</b>", X, Y, (series("one", [1, 2, 3], [1.0, 0.1, 0.01]), series("<script>", [1, 2, 3], [1.0, 1.0, 1.0], line=False)))
    drawing = render(figure)
    text = "".join(ElementTree.fromstring(drawing).itertext())
    for wanted in ("<b>a & b</b>", "depth (layers)", "gradient (no unit, log scale)", "one", "<script>", "10⁻²"):
        assert wanted in text
    assert "<script>" not in drawing and "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
    assert render(figure) == drawing


def test_series_differ_by_more_than_colour() -> None:
    drawing = render(Figure("f", X, X, tuple(series(str(k), [0, 1], [k, k]) for k in range(6))))
    assert len(set(COLOURS)) == 6 and len(set(DASHES)) == 6
    for dash in DASHES[1:]:
        assert f'stroke-dasharray="{dash}"' in drawing
    assert "<circle" in drawing and "M-4 -4 H4 V4 H-4 Z" in drawing and "M-5 0 L5 0" in drawing


def test_greys_of_the_colours_differ_from_white() -> None:
    """Relative luminance below 0.4: contrast to white above 2.3, for lines 2 pixels wide."""
    for colour in COLOURS:
        parts = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        assert 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < 0.4


def test_what_cannot_be_drawn_leaves_a_gap() -> None:
    drawing = render(Figure("f", X, Y, (series("s", [1, 2, 3, 4, 5], [1.0, 0.0, math.nan, math.inf, 2.0], marks=False),)))
    path = re.findall(r'<path d="([^"]*)" fill="none" stroke="#000000"', drawing)[-1]
    assert path.count("M") == 2 and "nan" not in drawing and "inf" not in drawing


@pytest.mark.parametrize(
    ("axis", "values", "labels"),
    [
        (X, [0.0, 9.0], ["0", "2", "4", "6", "8", "10"]),
        (Y, [1e-3, 1.0], ["10⁻³", "10⁻²", "10⁻¹", "10⁰"]),
        (Y, [1.5, 9.0], ["1", "2", "5", "10"]),
        (Y, [1.5, 2.5], ["1.4", "1.6", "1.8", "2", "2.2", "2.4", "2.6"]),
        (Y, [1e-300, 1e300], ["10⁻³⁰⁰", "10⁻²⁰⁰", "10⁻¹⁰⁰", "10⁰", "10¹⁰⁰", "10²⁰⁰", "10³⁰⁰"]),
        (X, [5.0, 5.0], None),
        (Y, [0.0, math.nan], None),
        (X, [], None),
    ],
)
def test_ticks(axis: Axis, values: list[float], labels: list[str] | None) -> None:
    scale = Scale(axis, values)
    if labels is not None:
        assert [label for _, label in scale.ticks] == labels
    assert 2 <= len(scale.ticks) <= 8
    places = [scale(v) for v, _ in scale.ticks]
    assert places == sorted(places) and places[0] >= 0.0 and places[-1] <= 1.0
    assert all(-1e-9 <= scale(v) <= 1.0 + 1e-9 for v in values if scale.drawn(v))


def test_a_grid_writes_its_values() -> None:
    grid = Grid("g", X, Axis("scheme", "names"), ("2", "4"), ("He", "<x>"), ((0.5, 1.0), (0.0, math.nan)), Axis("accuracy", "share"))
    text = "".join(ElementTree.fromstring(render(grid)).itertext())
    assert "0.5" in text and "accuracy (share), dark is high" in text and "<x>" in text


def test_bad_figures_are_refused() -> None:
    with pytest.raises(InputError, match="an axis must have a label and a unit, .* got 'x' and ''"):
        Axis("x", "")
    with pytest.raises(InputError, match="as many x as y, and at least one, got 2 and 1"):
        series("s", [1, 2], [1])
    with pytest.raises(InputError, match="must have 1 to 6 series, got 0"):
        Figure("f", X, Y, ())
    with pytest.raises(InputError, match=r"must have 2 × 1 cells, got \[1\]"):
        Grid("g", X, Y, ("a",), ("b", "c"), ((1.0,),), Y)


def test_a_line_over_a_grid_crosses_every_column_once_and_stays_inside() -> None:
    cells = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))
    text = render(Grid("g", X, Y, ("a", "b"), ("1", "2", "3"), cells, Y, line=(1.5, 99.0)))
    drawn = re.findall(r'<polyline points="([^"]+)"', text)
    assert len(drawn) == 2 and drawn[0] == drawn[1]
    (_, first), (_, second) = (point.split(",") for point in drawn[0].split())
    assert float(second) - float(first) == pytest.approx(1.5 * 30.0)
    with pytest.raises(InputError, match="`line` of the grid 'g' must have 2 heights, one per column, got 1"):
        Grid("g", X, Y, ("a", "b"), ("1", "2", "3"), cells, Y, line=(1.0,))


def test_cases_are_named_and_need_no_unit() -> None:
    axis = Axis("what it has", "case", names=("neither", "a < b"))
    scale = Scale(axis, [0.0, 1.0])
    assert [scale(0.0), scale(1.0)] == [0.25, 0.75] and scale.ticks == [(0.0, "neither"), (1.0, "a &lt; b")]
    drawing = render(Figure("f", axis, Y, (series("s", [0, 1], [1.0, 2.0], line=False),)))
    text = [t for t in ElementTree.fromstring(drawing).itertext() if t.strip()]
    assert {"neither", "a < b", "what it has"} <= set(text) and not any("case" in t for t in text)


def test_there_is_no_half_of_an_epoch() -> None:
    epochs = Scale(Axis("epoch", "passes"), [1.0, 2.0], tight=True)
    assert [label for _, label in epochs.ticks] == ["1", "2"]
    assert [label for _, label in Scale(Axis("share", "no unit"), [0.0, 0.5]).ticks] == ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]
    assert len(Scale(Axis("share", "no unit"), [0.0, 0.0]).ticks) > 1
