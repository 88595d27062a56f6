"""`--full` from the command line."""

import json
from pathlib import Path

import pytest

from steadygrad.cli import main

PROGRAM = """
import torch
from torch import nn
import steadygrad as sg

def case():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    return sg.Case(net, torch.randn(32, 8), torch.randint(0, 3, (32,)), nn.functional.cross_entropy, optimizer)
"""


@pytest.mark.parametrize("full", [False, True])
def test_full_adds_its_section_and_nothing_else_does(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, full: bool) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    output = tmp_path / "report.json"
    command = ["steadygrad", "check", f"{tmp_path / 'program.py'}:case", *(["--full"] if full else [])]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert ("Full depth" in capsys.readouterr().out) == full
    monkeypatch.setattr("sys.argv", [*command, "--format", "json", "-o", str(output)])
    with pytest.raises(SystemExit):
        main()
    assert bool(json.loads(output.read_text())["full"]) == full
