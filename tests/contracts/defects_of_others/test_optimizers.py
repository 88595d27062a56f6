"""Defects that users reported in other layer-wise optimizers, and that ours must not have; each with its source."""

import pytest
import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.optim import AGC, LAMB, LARC, LARS, adaptive_clip_
from steadygrad.optim.agc import unit_axes


def parameter(w: torch.Tensor, g: torch.Tensor) -> nn.Parameter:
    p = nn.Parameter(w.clone())
    p.grad = g.clone()
    return p


def test_lars_has_the_decay_in_its_denominator() -> None:
    """λ = η‖w‖/‖g‖ without β‖w‖ (kozistr/pytorch_optimizer): with decay the step grows without bound as ‖g‖ → 0."""
    p = parameter(torch.ones(4, 4).double(), torch.full((4, 4), 1e-9).double())
    LARS([p], 1.0, momentum=0.0, weight_decay=0.1).step()
    # λ(g + βw) ≤ η‖w‖, whatever g
    assert float((1 - p).norm().detach()) <= 0.001 * 4 * (1 + 1e-12)


def test_lars_changes_its_buffers_and_not_copies() -> None:
    """momentum_buffer.add() for add_() lost the momentum (lightning-bolts#154)."""
    p = parameter(torch.ones(2, 2).double(), torch.ones(2, 2).double())
    optimizer = LARS([p], 1.0, momentum=0.5)
    optimizer.step()
    first = optimizer.state[p]["momentum_buffer"].clone()
    optimizer.step()
    assert (optimizer.state[p]["momentum_buffer"] > first * 1.4).all()


@pytest.mark.parametrize("kind", [LARC, AGC])
def test_wrappers_leave_the_optimizer_an_optimizer(kind: type) -> None:
    """A wrapper that is no Optimizer breaks schedulers, and zeroes its groups' weight_decay on the way (torchlars#7, apex LARC.py)."""
    p = parameter(torch.ones(2, 2), torch.ones(2, 2))
    optimizer = torch.optim.SGD([p], 1.0, weight_decay=0.1)
    kind(optimizer)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.step()
    assert isinstance(optimizer, torch.optim.SGD) and optimizer.param_groups[0]["weight_decay"] == 0.1


@pytest.mark.parametrize("build", [lambda p: LARS([p], 1.0), lambda p: LAMB([p], 1.0)])
def test_a_gain_of_zero_leaves_zero(build) -> None:
    """‖w‖ = 0 as a ratio of 0 pins zero-initialized branches for ever (SkipInit, γ = 0)."""
    p = parameter(torch.zeros(2, 2), torch.ones(2, 2))
    build(p).step()
    assert (p < 0).all()


def test_lamb_adapts_what_it_is_told_also_without_decay() -> None:
    """A weight decay of 0 silently turns the ratio off (timm always_adapt=False, apex use_nvlamb=False)."""
    p = parameter(torch.full((4, 4), 3.0), torch.ones(4, 4))
    LAMB([p], 0.1, weight_decay=0.0).step()
    torch.testing.assert_close((3 - p).norm().detach(), torch.tensor(0.1 * 12.0), rtol=1e-5, atol=0)


def test_agc_leaves_out_the_head_and_finds_transposed_units() -> None:
    """The last linear layer must be left out (nfnets-pytorch#8); transposed kernels have their units on axis 1."""
    net = nn.Sequential(nn.ConvTranspose2d(2, 3, 2, bias=False), nn.Flatten(), nn.Linear(12, 2))
    for p in net.parameters():
        p.grad = torch.full_like(p, 10.0)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    AGC(optimizer, axes=unit_axes(net), exclude=net[2].parameters()).rewrite_()
    assert (net[2].weight.grad == 10).all()
    sizes = net[0].weight.grad.movedim(1, 0).flatten(1).norm(dim=1)
    torch.testing.assert_close(sizes, 0.01 * net[0].weight.detach().movedim(1, 0).flatten(1).norm(dim=1), rtol=1e-5, atol=0)
    with pytest.raises(InputError, match="`per` must be 'unit' or 'tensor'"):
        adaptive_clip_(net.parameters(), per="axis")
