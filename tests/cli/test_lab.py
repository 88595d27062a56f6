"""`steadygrad lab`: list, run, the site, resuming, interrupting, bad input."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from steadygrad.cli import main
from steadygrad.lab import experiments
from steadygrad.lab.experiment import Bench, Experiment, Outcome
from steadygrad.lab.experiments import EXPERIMENTS
from steadygrad.lab.number import Number


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Run:
    """The command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> Done:
        self.monkeypatch.setattr(sys, "argv", ["steadygrad", "lab", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *self.capsys.readouterr())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


class Wrong(type(EXPERIMENTS["large-weights"])):
    """One number off."""

    def measure(self, bench: Bench, **settings: int) -> Outcome:
        found = super().measure(bench, **settings)
        return Outcome((*found.numbers, Number("off", 1.0, 2.0, 0.5, "d", "s")), found.figure)


def catalogue(monkeypatch: pytest.MonkeyPatch, *items: Experiment) -> None:
    monkeypatch.setattr(experiments, "EXPERIMENTS", type(EXPERIMENTS)("experiments", items))


def test_help_and_list_are_light() -> None:
    probe = "import sys, steadygrad.cli.lab; assert not {'torch', 'numpy', 'rich', 'jinja2'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0


def test_list_names_every_experiment(run: Run) -> None:
    done = run("list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [e.name for e in EXPERIMENTS]


def test_one_experiment_prints_its_numbers(run: Run) -> None:
    done = run("run", "large-weights", "--scale", "tiny")
    assert done.returncode == 0, done.stderr
    assert re.search(r"large-weights: 10 of 10 numbers agree, \d+\.\d s", done.stdout)
    assert "✓ the same in float32: 7.15255" in done.stdout and done.stderr == ""


def test_a_number_that_disagrees_is_status_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue(monkeypatch, Wrong())
    done = run("run", "--all", "--scale", "tiny")
    assert done.returncode == 1 and "✗ off: 1, expected 2 ± 0.5" in done.stdout


def test_the_site_and_resuming(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    catalogue(monkeypatch, EXPERIMENTS["large-weights"], EXPERIMENTS["sigmoid-gradient"])
    site = tmp_path / "site"
    assert run("run", "--all", "--scale", "tiny", "-o", str(site)).returncode == 0
    page, index = (site / "large-weights.html").read_text(), (site / "index.html").read_text()
    assert {p.name for p in site.iterdir()} == {"index.html", "results"} | {f"{n}.{e}" for n in ("large-weights", "sigmoid-gradient") for e in ("html", "svg")}
    assert "2 experiments, 16 numbers, of which 16 agree" in index and 'href="large-weights.html"' in index
    assert "class LargeWeights" in page and "<svg" in page and "SLOPE" in page
    kept = json.loads((site / "results" / "large-weights.json").read_text())
    monkeypatch.setattr(Experiment, "run", lambda *a, **k: pytest.fail("was finished"))
    assert run("run", "--all", "--scale", "tiny", "-o", str(site)).returncode == 0
    assert json.loads((site / "results" / "large-weights.json").read_text()) == kept
    assert (site / "large-weights.html").read_text() == page


def test_an_interrupt_keeps_what_is_finished(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Stopped(type(EXPERIMENTS["sigmoid-gradient"])):
        def measure(self, bench: Bench) -> Outcome:
            raise KeyboardInterrupt

    catalogue(monkeypatch, EXPERIMENTS["large-weights"], Stopped())
    done = run("run", "--all", "--scale", "tiny", "-o", str(tmp_path / "site"))
    assert done.returncode == 130
    assert "interrupted; 1 of 2 experiments are finished and kept: the same command goes on from there" in done.stderr
    assert "nothing was changed" not in done.stderr
    assert (tmp_path / "site" / "index.html").is_file() and (tmp_path / "site" / "results" / "large-weights.json").is_file()


def test_no_data_is_status_2_and_others_are_run(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    catalogue(monkeypatch, EXPERIMENTS["train-test-gap"], EXPERIMENTS["sigmoid-gradient"])
    done = run("run", "--all", "--data", str(tmp_path), "-o", str(tmp_path / "site"))
    assert done.returncode == 2
    assert "train-test-gap: not run: Fashion-MNIST must lie in the folder of --data" in done.stderr
    assert "sigmoid-gradient: 6 of 6" in done.stdout and "not run: Fashion-MNIST" in (tmp_path / "site" / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "symetry"], "no experiment is called `symetry`; did you mean symmetry"),
        (["run", "--scale", "huge", "symmetry"], "`--scale` must be one of tiny, full, got 'huge'"),
        (["run"], "`lab run` must be given names or --all, got neither"),
        (["run", "--all", "symmetry"], r"`lab run` must be given names or --all, got ['symmetry']"),
        (["run", "symmetry", "--data", "no/such"], "`--data` must be a folder, got `no/such`"),
        (["run", "symmetry", "--scale", "tiny", "--seed", "-1"], "`seed` must be an integer in [0, 2^63), got -1"),
    ],
)
def test_usage_is_2_with_one_clear_message(run: Run, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("run", "symmetry", "--scale", "tiny", "-o", str(tmp_path / "file"))
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("cannot be written") == 1
