"""Small scales on purpose: an output layer next to zero, and scales that a norm undoes, are not gradients that vanish or explode."""

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


class Scaled(nn.Module):
    """Linear, norm, scale of 1e-5, over and over: what a scale takes from the gradient the next norm gives back; with `skip`, also past a sum."""

    def __init__(self, *, skip: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(16, 16, bias=False) for _ in range(7))
        self.norms = nn.ModuleList(nn.LayerNorm(16, eps=1e-20) for _ in range(7))
        self.scales = nn.ParameterList(nn.Parameter(torch.full((16,), 1e-5)) for _ in range(6))
        self.last, self.skip = nn.Linear(16, 4), skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for k, scale in enumerate(self.scales):
            y = scale * self.norms[k](self.layers[k](x)).relu()
            x = x + y if self.skip and k % 2 else y
        return self.last(self.norms[6](self.layers[6](x)))


@pytest.mark.parametrize("skip", [False, True])
def test_scales_that_norms_undo(skip: bool) -> None:
    case = classification(Scaled(skip=skip))
    case.loss_fn(case.model(case.inputs), case.targets).backward()
    relative = [float(layer.weight.grad.norm() / layer.weight.detach().norm()) for layer in case.model.layers]
    assert max(relative) < 100 * min(relative), "the gradient itself is even"
    assert not codes(case) & {"G101", "G102"}
