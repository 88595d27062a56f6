"""The command line: exit statuses, formats, bad TARGETs, Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from steadygrad.cli import main

TOY = """
import time
import torch
from torch import nn
from steadygrad import Case

def net():
    return nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 4))

def broken():
    model = nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 4))
    for layer in model[::2]:
        nn.init.constant_(layer.weight, 0.1)
        nn.init.zeros_(layer.bias)
    return model

def case():
    return Case(net(), torch.randn(32, 16), torch.randint(0, 4, (32,)), nn.functional.cross_entropy)

class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(1))
    def forward(self, x):
        print("running", flush=True)
        time.sleep(60)
        return x * self.w

slow = Slow()
number = 3
needs = lambda a: net()
batch = (torch.randn(8, 16), torch.randint(0, 4, (8,)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "bad.py").write_text("import torch\nraise RuntimeError('broken on purpose')\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", "from steadygrad.cli import main; main()", *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


@dataclass
class Ended:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The command in this process: two seconds of imports less for each."""

    def ended(*arguments: str) -> Ended:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["steadygrad", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return Ended(int(end.value.code or 0), *capsys.readouterr())

    return ended


def test_healthy_is_0_and_plain_when_piped(folder: Path) -> None:
    done = run(folder, "check", "toy.py:net", "--input", "32x16", "--loss", "cross_entropy")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("✓ net: Healthy") and "\x1b" not in done.stdout and done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_errors_are_1_in_every_format(folder: Path, here: Callable[..., Ended]) -> None:
    text = here("check", "toy.py:broken", "--input", "32x16", "--loss", "cross_entropy")
    assert text.returncode == 1 and "I101 symmetric-units at 0" in text.stdout
    data = json.loads(here("check", "toy:broken", "--input", "32x16", "--format", "json").stdout)
    assert (data["schema"], data["ok"], data["cause"]) == (1, False, "I101")
    github = here("check", "toy.py:broken", "--input", "32x16", "--format", "github")
    assert github.stdout.startswith("::error file=toy.py,title=I101 symmetric-units at 0::")
    page = here("check", "toy.py:broken", "--input", "32x16", "--format", "html", "-o", "r.html")
    assert page.returncode == 1 and "I101" in (folder / "r.html").read_text()


def test_a_case_brings_its_own_batch(here: Callable[..., Ended]) -> None:
    assert here("check", "toy.py:case").returncode == 0
    assert here("check", "toy.py:net", "--batch", "toy.py:batch", "--loss", "cross_entropy").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toy.py:nett"], "has no `nett`; did you mean net"),
        (["toyy.py:net"], "is not a file"),
        (["bad.py:net"], "bad.py:2: `raise RuntimeError('broken on purpose')`"),
        (["no.such.module:net"], "No module named"),
        (["toy.py:number", "--input", "4x4"], "must be a torch.nn.Module, a factory"),
        (["toy.py:needs"], "must be callable without arguments"),
        (["net"], "TARGET must look like"),
        (["toy.py:net"], "add --input SHAPE, for example --input 32x16"),
        (["toy.py:net", "--input", "32y16"], "`--input` must look like"),
        (["toy.py:net", "--input", "32x17"], "the shape of the inputs does not fit this layer"),
        (["toy.py:net", "--input", "32x16:int64<3"], "pass `inputs.float()`"),
        (["toy.py:net", "--input", "0x16"], "is an empty batch of shape (0, 16)"),
        (["toy.py:net", "--input", "32x16", "--loss", "cross_entropie"], "must name a loss of torch.nn.functional that takes (input, target), got 'cross_entropie'; for example cross_entropy"),
        (["toy.py:net", "--input", "32x16", "--select", "Z9"], "no rule is called `Z9`"),
        (["toy.py:net", "--input", "32x16", "--format", "xml"], "must be one of text, json"),
        (["toy.py:case", "-o", "no/such/r.json", "--format", "json"], "cannot be written"),
    ],
)
def test_usage_is_2_with_one_clear_message(here: Callable[..., Ended], arguments: list[str], message: str) -> None:
    done = here("check", *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_interrupt_is_130_and_leaves_no_file(folder: Path) -> None:
    command = [sys.executable, "-c", "from steadygrad.cli import main; main()", "check", "toy.py:slow", "--input", "2x2", "-o", "r.html", "--format", "html"]
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs inherit that it is ignored
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeds)
    assert process.stdout is not None and "running" in process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "interrupted" in errors and not list(folder.glob("*r.html*"))


def test_settings_come_from_pyproject(folder: Path, here: Callable[..., Ended]) -> None:
    (folder / "pyproject.toml").write_text('[tool.steadygrad]\nignore = ["I101"]\ninput = ["32x16"]\n')
    data = json.loads(here("check", "toy.py:broken", "--format", "json").stdout)
    assert "I101" not in [f["code"] for f in data["findings"]]
    (folder / "pyproject.toml").write_text("[tool.steadygrad]\nignor = []\n")
    done = here("check", "toy.py:net")
    assert done.returncode == 2 and "knows no `ignor`; did you mean ignore?" in done.stderr


def test_help_imports_no_torch_and_rules_explain_themselves(folder: Path, here: Callable[..., Ended]) -> None:
    probe = "import sys; sys.argv=['steadygrad','--help']\nfrom steadygrad.cli import main\ntry: main()\nexcept SystemExit: pass\nassert 'torch' not in sys.modules and 'rich' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, cwd=folder).returncode == 0
    assert "I101  symmetric-units" in here("rules").stdout
    assert "Thresholds" in here("explain", "symmetric-units").stdout
    assert "did you mean" in here("explain", "symetric").stderr
