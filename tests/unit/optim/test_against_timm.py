"""Another implementation of the same formulas, step by step in float64, wherever its settings mean the same."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from steadygrad.optim import AGC, LAMB, LARC, LARS

pytestmark = pytest.mark.zoo
SHAPES = ((6, 5), (7, 3, 2, 2), (5, 1))


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64)) for shape in SHAPES]


def sgd(params: list[nn.Parameter], weight_decay: float = 0.0) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, 0.3, momentum=0.9, weight_decay=weight_decay)


def larc(params: list[nn.Parameter]) -> torch.optim.Optimizer:
    optimizer = sgd(params, 0.05)
    LARC(optimizer, 0.5)
    return optimizer


def agc(params: list[nn.Parameter]) -> torch.optim.Optimizer:
    optimizer = sgd(params)
    AGC(optimizer, 0.02)
    return optimizer


def lamb(params: list[nn.Parameter]) -> torch.optim.Optimizer:
    return LAMB(params, 0.1, weight_decay=0.02, max_grad_norm=1.0)


def lars(**settings: float) -> Callable[[list[nn.Parameter]], torch.optim.Optimizer]:
    return lambda params: LARS(params, 0.3, weight_decay=0.05, trust_coefficient=0.01, eps=1e-8, **settings)


@pytest.mark.parametrize("foreach", [True, False])
@pytest.mark.parametrize("name", ["lars", "lars-nesterov", "larc", "lamb", "agc"])
def test_the_same_steps(name: str, foreach: bool) -> None:
    """Constant rates: in LARS ours stands inside the velocity, as in the paper, timm's outside."""
    timm_optim, agc_module = pytest.importorskip("timm.optim"), pytest.importorskip("timm.utils.agc")
    ours = {"lars": lars(), "lars-nesterov": lars(nesterov=True), "larc": larc, "lamb": lamb, "agc": agc}[name]
    settings = {"lr": 0.3, "momentum": 0.9, "weight_decay": 0.05, "foreach": foreach}
    theirs = {
        "lars": lambda p: timm_optim.Lars(p, trust_coeff=0.01, **settings),
        "lars-nesterov": lambda p: timm_optim.Lars(p, trust_coeff=0.01, nesterov=True, **settings),
        "larc": lambda p: timm_optim.Lars(p, trust_coeff=0.5, trust_clip=True, **settings),
        "lamb": lambda p: timm_optim.Lamb(p, 0.1, weight_decay=0.02, foreach=foreach),
        "agc": sgd,
    }[name]
    mine, other = parameters(), parameters()
    a, b = ours(mine), theirs(other)
    generator = torch.Generator().manual_seed(1)
    for step in range(6):
        for p, q in zip(mine, other, strict=True):
            p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype) * 10.0 ** (step - 3)
            q.grad = p.grad.clone()
        if name == "agc":
            agc_module.adaptive_clip_grad(other, 0.02)
        a.step(), b.step()
        for p, q in zip(mine, other, strict=True):
            torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-12)
