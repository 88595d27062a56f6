"""Full depth in all three renderers, with the theory's numbers beside the measured ones."""

import json

import pytest
import torch
from torch import nn

from steadygrad.door import check
from steadygrad.report.full_view import block_rows, sentences
from steadygrad.report.json import from_dict
from steadygrad.report.record import Report
from steadygrad.rules.specimens import classification, mlp


@pytest.fixture(scope="module")
def report() -> Report:
    net = mlp(16, *[128] * 12, 4)
    net.insert(2, nn.BatchNorm1d(128))
    net.insert(3, nn.Dropout(0.1))
    return check(classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01)), depth="full")


def test_the_terminal_names_every_experiment_and_every_stage(report: Report) -> None:
    text = str(report)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert [name for name, _ in sentences(report)] == ["curvature", "jacobian", "mode-gap", "rehearsal", "time"]
    time = dict(sentences(report))["time"]
    assert all(stage in time for stage in ("forward", "backward", "step", "mode-gap", "curvature", "jacobian", "rehearsal"))
    assert "Full depth" in text and "… 3 more" in text and text.count("theory") == 2


def test_json_holds_it_all_and_reads_back(report: Report) -> None:
    data = json.loads(report.to_json())
    assert set(data["full"]) == {"curvature", "jacobian", "mode-gap", "rehearsal"}
    assert len(data["full"]["rehearsal"]["losses"]) == 21
    assert from_dict(data).to_dict() == report.to_dict()


def test_html_shows_rows_and_the_curve(report: Report) -> None:
    page = report.to_html()
    assert page.count("Jacobian of each block") == 1 and "Rehearsal: the loss of this batch" in page
    assert all(f"<code>{where}</code>" in page for where, _ in block_rows(report))


def test_theory_stands_beside_the_measured_blocks(report: Report) -> None:
    blocks = [b for b in report.full["jacobian"]["blocks"] if b["expected_spread"] is not None]
    assert len(blocks) >= 11
    for block in blocks[:6]:
        # half of 128 units are on, ±9 % (one σ) where the samples are alike; further down they are more and more alike
        assert block["forward"] == pytest.approx(block["expected_forward"], rel=0.35)
        assert block["spread"] == pytest.approx(block["expected_spread"], rel=0.35)


def test_fast_depth_has_none_of_it() -> None:
    report = check(classification(mlp(16, 8, 4)))
    assert report.full == {} and sentences(report) == [] and block_rows(report) == [] and "Full depth" not in str(report) + report.to_html()
