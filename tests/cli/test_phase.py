"""`steadygrad phase`: tables, the page, the user's own layer, bad input."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from steadygrad.cli import main, phase
from steadygrad.cli.application import application

MINE = """
import numpy as np
import torch

def bent(x):
    return np.maximum(x, 0.3 * x)

torch_bent = torch.nn.functional.leaky_relu
Module = torch.nn.GELU
roots = np.sqrt
scalar = 3
"""


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Run:
    """The command line in this process: a second of imports less for every call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, folder: Path, *arguments: str) -> Done:
        self.monkeypatch.chdir(folder)
        self.monkeypatch.setattr(sys, "argv", ["steadygrad", "phase", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *self.capsys.readouterr())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    if all(command.callback is not phase.phase for command in application.registered_commands):
        application.command()(phase.phase)
    return Run(monkeypatch, capsys)


def test_the_command_imports_no_torch_before_it_runs() -> None:
    probe = "import sys, steadygrad.cli.phase; assert not {'torch', 'numpy', 'rich', 'jinja2'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0


def test_tables_are_plain_and_fit_80_columns(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, "tanh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tanh: critical along a line") and "\x1b" not in done.stdout and done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert re.search(r"0\.5 +1\.68798 +0\.03804", done.stdout)
    assert re.search(r"PyTorch gain +2\.778 +0 +chaotic +1\.21 ", done.stdout)


def test_the_users_own_point(run: Run, tmp_path: Path) -> None:
    """σ_w² = 256·0.0625² = 1; tanh with σ_b² = 0.05: ξ_c = 3.627, so 22 layers."""
    done = run(tmp_path, "tanh", "--weight-std", "0.0625", "--fan-in", "256", "--bias-std", "0.2236068")
    assert done.stdout.startswith("Your tanh network starts ordered: inputs become alike and gradients vanish; it"), done.stderr
    assert re.search(r"yours +1 +0\.05 +ordered +0\.759 +3\.63 +3\.63 +22", done.stdout)
    critical = run(tmp_path, "leaky_relu,negative_slope=1.0", "--weight-std", "1")
    assert "starts critical" in critical.stdout and "depth is not what limits it" in " ".join(critical.stdout.split())


@pytest.mark.slow
def test_the_page_is_the_same_every_time(run: Run, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        assert run(tmp_path, "tanh", "--html", name).returncode == 0
    assert (tmp_path / "a.html").read_text() == (tmp_path / "b.html").read_text()


def test_the_page_is_whole_and_alone(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, "gelu", "--weight-std", "1.4142135", "--html", "a.html")
    assert done.returncode == 0 and "written to a.html" in done.stdout, done.stderr
    page = (tmp_path / "a.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:,|#)", page) and "http" not in page.replace("https://www.w3.org", "")
    for text in ("<svg", "ξ_c in layers (log scale)", "no unit", "half-stable", "lengths grow without bound", "trains to"):
        assert text in page
    assert len(page) < 500_000


@pytest.mark.parametrize(("name", "first"), [("bent", "bent: critical along a line"), ("torch_bent", "torch_bent: critical along"), ("Module", "Module: critical along a line; the point")])
def test_functions_of_the_user(run: Run, tmp_path: Path, name: str, first: str) -> None:
    (tmp_path / "mine_phase.py").write_text(MINE)
    done = run(tmp_path, f"mine_phase.py:{name}")
    assert done.returncode == 0 and done.stdout.startswith(first), done.stderr + done.stdout
    if name == "bent":  # 2/(1 + 0.3²), at any length
        assert re.search(r"0\.5 +1\.83486 +0 ", done.stdout)


def test_markup_in_a_name_is_escaped() -> None:
    from steadygrad.report.phase_page import render_phase
    from steadygrad.report.phase_view import phase_view
    from steadygrad.theory import activations

    phi = activations.from_callable(lambda x: x, name="<script>alert(1)</script>", homogeneous=True)
    page = render_phase(phi, phase_view(phi))
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_colours_rise_in_lightness() -> None:
    """Cividis read in greyscale: relative luminance of every shade is above that of the one before."""
    from steadygrad.report.phase_plot import colour

    shades = list(dict.fromkeys(colour(0.1 * k + 0.05) for k in range(30)))
    grey = [sum(w * (int(s[i : i + 2], 16) / 255.0) ** 2.2 for w, i in ((0.2126, 1), (0.7152, 3), (0.0722, 5))) for s in shades]
    assert len(shades) == 30 and all(a < b for a, b in zip(grey, grey[1:], strict=False))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tanhh"], "no activation is called `tanhh`; try tanh"),
        (["softmax"], "`softmax` does not act on each element by itself"),
        (["relu,slope=1"], "activation `relu` does not take {'slope': 1.0}"),
        (["relu,0.2"], "must look like NAME,key=value, got 'relu,0.2'"),
        (["tanh", "--weight-std", "-1"], "`--weight-std` must be finite and at least 0, got -1.0"),
        (["tanh", "--weight-std", "nan"], "`--weight-std` must be finite and at least 0, got nan"),
        (["tanh", "--weight-std", "1", "--bias-std", "-0.1"], "`--bias-std` must be finite and at least 0, got -0.1"),
        (["tanh", "--bias-std", "0.1"], "must come with --weight-std"),
        (["tanh", "--fan-in", "0"], "`--fan-in` must be at least 1, got 0"),
        (["tanh", "--html", "no/such/p.html"], "cannot be written"),
        (["mine_phase.py:roots"], "`phi` must be finite on [-8, 8], got nan at x = -8"),
        (["mine_phase.py:scalar"], "`phi` must be a function of a NumPy array, got 3"),
        (["mine_phase.py:none"], "has no `none`"),
    ],
)
def test_usage_is_2_with_one_clear_message(run: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "mine_phase.py").write_text(MINE)
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr, done.stderr
