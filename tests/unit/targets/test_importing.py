"""Importing what the user names: the failing line shown, nothing left behind when it fails."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from steadygrad.errors import InputError, ModelError, TargetError
from steadygrad.targets import case_from
from steadygrad.targets.example import example
from steadygrad.targets.importing import load

SOURCE = """
import torch
from torch import nn
from steadygrad import Case

net = nn.Linear(4, 2)
number = 3
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)
    def forward(self, x):
        return self.layer(x)
def case():
    return Case(net, torch.zeros(8, 4), torch.zeros(8, 2), nn.functional.mse_loss)
def needs(width):
    return nn.Linear(width, 2)
def fails():
    raise KeyError('inside')
def no_model():
    return Case(3, torch.zeros(1))
def batch():
    return torch.ones(5, 4), torch.zeros(5, 2)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "toy_targets.py").write_text(SOURCE)
    (tmp_path / "bad.py").write_text("x = 1\nraise RuntimeError('broken on purpose')\n")
    (tmp_path / "syntax.py").write_text("def f(:\n")
    (tmp_path / "script.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("width = 7\n")
    (tmp_path / "pack" / "inner.py").write_text("from . import width\nfrom torch import nn\nnet = nn.Linear(width, 2)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_modules_factories_classes_and_cases(folder: Path) -> None:
    assert case_from("toy_targets.py:net", inputs=["8x4"]).inputs.shape == (8, 4)
    assert type(case_from("toy_targets.py:Net", inputs=["8x4"]).model).__name__ == "Net"
    assert case_from("toy_targets.py:case").loss_fn is nn.functional.mse_loss
    assert case_from("pack/inner.py:net", inputs=["8x7"]).model.in_features == 7


def test_batches_and_defaults(folder: Path) -> None:
    case = case_from("toy_targets.py:net", batch="toy_targets.py:batch", loss="mse")
    assert case.inputs.shape == (5, 4) and case.targets.shape == (5, 2) and not case.generated
    case = case_from("toy_targets.py:net", defaults={"input": ["3x4"], "loss": "ce"})
    assert case.inputs.shape == (3, 4) and case.loss_fn is nn.functional.cross_entropy
    own = case_from("toy_targets.py:case", defaults={"input": ["3x4"], "loss": "ce"})
    assert own.inputs.shape == (8, 4) and own.loss_fn is nn.functional.mse_loss


@pytest.mark.parametrize(
    ("target", "more", "kind", "message"),
    [("net", {}, TargetError, "TARGET must look like"), ("toy_targets.py:nett", {}, TargetError, "has no `nett`; did you mean net"),
     ("toy_targetz.py:net", {}, TargetError, "is not a file in .*did you mean toy_targets.py"), ("bad.py:net", {}, TargetError, "bad.py:2: `raise RuntimeError"),
     ("syntax.py:f", {}, TargetError, "SyntaxError"), ("script.py:f", {}, TargetError, "keep what the script does under `if __name__"),
     ("no.such:net", {}, TargetError, "No module named 'no'"), ("toy_targets.py:number", {"inputs": ["1x4"]}, TargetError, "must be a torch.nn.Module, a factory .* got int"),
     ("toy_targets.py:needs", {}, TargetError, r"must be callable without arguments, but is `needs\(width\)`"),
     ("toy_targets.py:fails", {}, ModelError, "calling `toy_targets.py:fails` raised KeyError: 'inside'"),
     ("toy_targets.py:no_model", {}, TargetError, "must hold a torch.nn.Module as `model`, got int"),
     ("toy_targets.py:net", {}, InputError, "brings no inputs .* for example --input 32x4"),
     ("toy_targets.py:case", {"inputs": ["3x4"]}, InputError, "brings its own targets, which do not belong to generated inputs"),
     ("toy_targets.py:net", {"inputs": ["3x4"], "batch": "toy_targets.py:batch"}, InputError, "give --batch or --input, got both")],
)  # fmt: skip
def test_refusals(folder: Path, target: str, more: dict, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        case_from(target, **more)


def test_a_failed_import_leaves_nothing_behind(folder: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    with pytest.raises(TargetError):
        load("bad.py:net")
    assert sys.path == path and set(sys.modules) == modules


@pytest.mark.parametrize(
    ("model", "flag"),
    [(nn.Linear(7, 2), "--input 32x7"), (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 2)), "--input 8x1x28x28"),
     (nn.LSTM(5, 6), "--input 8x32x5"), (nn.Embedding(9, 4), "--input '8x32:int64<9'"), (nn.Bilinear(3, 3, 2), "so give 2 of them")],
)  # fmt: skip
def test_examples_run(model: nn.Module, flag: str) -> None:
    state = {k: v.clone() for k, v in model.state_dict().items()}
    assert flag in example(model)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
