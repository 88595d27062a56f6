"""`steadygrad init`: the plan, the file, bad input."""

import json
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from steadygrad.cli import main

MODEL = """
from torch import nn
def net():
    return nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
def lazy():
    return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
    def forward(self, x, y):
        return self.a(x) + self.a(y)
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["steadygrad", "init", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_the_plan_is_shown_and_the_file_written(run, tmp_path: Path) -> None:
    code, out, _ = run("model.py:net", "-o", "w.safetensors", "--seed", "3")
    assert code == 0 and "0.weight" in out and "written to w.safetensors" in out
    weights = load_file(tmp_path / "w.safetensors")
    assert weights["0.weight"].shape == (8, 12) and not weights["0.bias"].any()
    again = run("model.py:net", "-o", "v.safetensors", "--seed", "3", "--input", "16x12")
    assert again[0] == 0 and (load_file(tmp_path / "v.safetensors")["0.weight"] - weights["0.weight"]).abs().max() < 0.2


def test_lazy_modules_get_their_shapes_from_the_input(run, tmp_path: Path) -> None:
    for name in ("lazy", "net"):
        assert run(f"model.py:{name}", "-o", f"{name}.safetensors", "--input", "4x12")[0] == 0
    lazy, plain = (load_file(tmp_path / f"{name}.safetensors") for name in ("lazy", "net"))
    assert lazy["0.weight"].shape == plain["0.weight"].shape and lazy.keys() == plain.keys()


def test_json_alone_on_standard_output(run) -> None:
    code, out, _ = run("model.py:net", "--format", "json", "--override", "2.weight=zeros", "-o", "w.safetensors")
    rows = {row["name"]: row for row in json.loads(out)["rows"]}
    assert code == 0 and rows["2.weight"]["after"] == 0.0


@pytest.mark.parametrize(("arguments", "message"), [
    (("model.py:nett",), "did you mean net"), (("model.py:Two",), r"takes (x, y)"), (("model.py:net", "--scheme", "hee"), "hee"),
    (("model.py:net", "--override", "zeros"), "REGEX=SCHEME"), (("model.py:net", "--keep", "nothing"), "must match a parameter"),
    (("model.py:net", "--format", "xml"), "text or json"), (("model.py:net", "-o", "no/w.safetensors"), "existing folder"),
    (("model.py:net", "--seed", "-4"), "seed"), (("model.py:net", "--seed", str(2**64)), "[0, 2**64), got 18446744073709551616"),
    (("model.py:net", "-o", "."), "it is a folder"), (("model.py:lazy",), "give a batch"), (("model.py:net", "--scheme", "tat"), "theory.shaping.tat"),
    (("model.py:net", "--override", "0.bias=he_normal"), "a bias has no fans"),
])  # fmt: skip
def test_usage_is_2_with_one_clear_message(run, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2 and message in err and "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir() if p.name not in ("model.py", "__pycache__")] == []
