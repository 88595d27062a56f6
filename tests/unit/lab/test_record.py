"""Results survive disk bit for bit, are found again under the same fingerprint only, and are never half written."""

import json
import math
import re
from pathlib import Path

import pytest

from steadygrad.errors import InputError
from steadygrad.lab import record
from steadygrad.lab.experiment import SCALES, Bench, Claim, Experiment, Outcome, silent
from steadygrad.lab.figure import Axis, Figure, Grid, series
from steadygrad.lab.number import Number
from steadygrad.lab.runner import Failed, run_many, run_one
from steadygrad.lab.site import write_site

AXIS = Axis("x", "no unit")


class Small(Experiment):
    name = "small"
    title = "<em>small</em>"
    place = "nowhere"
    items = (1,)
    claims = (Claim("hunch", "a & b"),)
    settings = {"tiny": {"size": 1}, "full": {"size": 2}}
    runs = 0

    def measure(self, bench: Bench, *, size: int) -> Outcome:
        Small.runs += 1
        bench.progress(size, size)
        numbers = (Number("n", float(size) + 0.1, math.inf, 0.0, "d", "s", "≤"), Number("<i>", math.nan, 1.0, 0.5, "d", "s"))
        return Outcome(numbers, Figure("f", AXIS, AXIS, (series("s", [0.0, 1.0], [math.inf, 1 / 3]),)), "said")


class Missing(Small):
    name = "missing"

    def measure(self, bench: Bench, *, size: int) -> Outcome:
        raise InputError(f"no data, got {size}")


def test_a_result_comes_back_bit_for_bit(tmp_path: Path) -> None:
    first = run_one(Small(), "tiny", 0, folder=tmp_path)
    runs = Small.runs
    again = run_one(Small(), "tiny", 0, folder=tmp_path)
    assert Small.runs == runs
    assert repr(again) == repr(first)
    text = (tmp_path / "results" / "small.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_grids_come_back_too(tmp_path: Path) -> None:
    grid = Grid("g", AXIS, AXIS, ("a",), ("b",), ((0.25,),), AXIS, line=(0.5,))
    result = record.Result("g", "tiny", 0, Outcome((), grid), 1.0, 0.5, "here", "f")
    record.save(result, tmp_path / "g.json")
    assert record.load(tmp_path / "g.json", "f") == result


@pytest.mark.parametrize("change", ["scale", "seed", "torn", "other"])
def test_another_run_is_run_again(tmp_path: Path, change: str) -> None:
    run_one(Small(), "tiny", 0, folder=tmp_path)
    path, runs = tmp_path / "results" / "small.json", Small.runs
    if change == "torn":
        path.write_text(path.read_text()[:40])
    if change == "other":
        path.write_text('{"fingerprint": 3}')
    run_one(Small(), "full" if change == "scale" else "tiny", 1 if change == "seed" else 0, folder=tmp_path)
    assert Small.runs == runs + 1


def test_one_that_cannot_run_does_not_stop_the_others(tmp_path: Path) -> None:
    seen: list[object] = []
    run_many([Missing(), Small()], "tiny", 0, folder=tmp_path, each=seen.append, watch=lambda name, done, of: seen.append((name, done, of)))
    assert seen[0] == Failed("missing", "no data, got 1") and seen[1] == ("small", 1, 1) and isinstance(seen[2], record.Result)


def test_the_site_escapes_every_name(tmp_path: Path) -> None:
    result = run_one(Small(), "tiny", 0)
    index = write_site(tmp_path, [(Small(), result)], [Failed("<u>", "because <b>")])
    pages = index.read_text() + (tmp_path / "small.html").read_text()
    assert "&lt;em&gt;small&lt;/em&gt;" in pages and "<em>" not in pages and "&lt;u&gt;" in pages and "because &lt;b&gt;" in pages
    assert "a &amp; b" in pages and "class Small" in pages and "✗ no" in pages and "✓ yes" in pages and "∞" in pages
    assert not re.search(r"(src|href)=\"(?!data:,|small\.|index\.)", pages) and "<script" not in pages


def test_bad_scales_seeds_claims_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`scale` must be one of tiny, full, got 'huge'"):
        Small().run("huge")
    with pytest.raises(InputError, match=r"`seed` must be an integer in \[0, 2\^63\), got -1"):
        Small().run("tiny", -1)
    with pytest.raises(InputError, match="`standing` of a claim must be one of proven, measured, hunch, got 'sure'"):
        Claim("sure", "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written .* give -o a folder of your own"):
        run_one(Small(), "tiny", 0, folder=tmp_path / "file")
    assert SCALES == ("tiny", "full") and silent(0, 1) is None
