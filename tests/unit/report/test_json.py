"""The JSON of a report: complete, readable by line, small for deep networks."""

import json

import pytest
import torch
from torch import nn

from steadygrad.door import check
from steadygrad.report.json import from_dict
from steadygrad.rules.specimens import classification, mlp


@pytest.mark.parametrize("model", [mlp(16, 32, 4), nn.Sequential(nn.Identity(), mlp(16, 4))])
def test_text_holds_the_whole_report_one_layer_a_line(model: nn.Module) -> None:
    report = check(classification(model))
    text = report.to_json()
    data = json.loads(text)
    assert data == json.loads(json.dumps(report.to_dict())) and from_dict(data) == report
    lines = text.splitlines()
    start = lines.index('    "rows": [')
    assert [json.loads(line.rstrip(",")) for line in lines[start + 1 : start + 1 + len(report.layers)]] == data["layers"]["rows"]


def test_a_layer_costs_less_than_half_a_kilobyte() -> None:
    shallow, deep = (len(check(mlp(*[16] * depth), torch.ones(4, 16).normal_()).to_json()) for depth in (12, 112))
    assert (deep - shallow) / 200 < 512  # a linear op and an activation per layer
