"""An output layer that begins next to zero makes every gradient before it small, and its own large beside it: no remark."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.case import Case
from steadygrad.rules.catalog.vanishing_gradient import _layer_scale
from steadygrad.rules.specimens import classification, mlp


def codes(case: Case) -> set[str]:
    return {finding.code for finding in sg.check(case).findings}


@pytest.mark.parametrize("std", [2e-5, 1e-4])
def test_heads_of_published_vision_transformers(std: float) -> None:
    assert not codes(_layer_scale(std)) & {"G101", "G102"}


def test_the_same_in_the_middle_is_still_named() -> None:
    net = mlp(16, 64, 64, 64, 4)
    with torch.no_grad():
        net[2].weight.normal_(std=2e-5)
    assert codes(classification(net)) & {"I102", "G101"}


def test_what_vanishes_before_such_a_head_is_still_named() -> None:
    net = mlp(16, *[64] * 30, 4, activation=nn.Sigmoid)
    nn.init.normal_(net[-1].weight, std=2e-5)
    report = sg.check(classification(net))
    assert not report.ok and {"G101"} & {finding.code for finding in [*report.findings, *(s for f in report.findings for s in f.symptoms)]}
