"""LayerScale that starts at one carries its branch's share of the stream; what its author set otherwise stays."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.planner.plan import Plan

WIDTH, BLOCKS = 64, 12


class Block(nn.Module):
    def __init__(self, start: float | None) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.gamma = nn.Parameter(torch.randn(WIDTH) if start is None else torch.full((WIDTH,), start))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.gamma * self.down(torch.relu(self.up(self.norm(x))))


def planned(start: float | None) -> tuple[nn.Module, torch.Tensor, Plan]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(WIDTH, WIDTH), *(Block(start) for _ in range(BLOCKS)), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 8))
    x = torch.randn(64, WIDTH)
    return net, x, sg.plan(net, x)


def test_scales_of_one_share_the_stream() -> None:
    net, x, plan = planned(1.0)
    plan.apply_(net)
    gammas = torch.stack([block.gamma for block in net[1:-2]])
    assert gammas.detach().square().mean().item() * BLOCKS == pytest.approx(1.5, abs=0.6)  # the stream grows from 1 to 2 as its branches join
    stream = net[:-2](x).square().mean().item()
    assert 1.3 < stream < 4.0  # unit branches would bring it to 1 + 12
    assert plan.verify(net, x).activation_spread < 4.0


@pytest.mark.parametrize("start", [1e-5, 0.3, None])
def test_scales_that_say_something_stay(start: float | None) -> None:
    net, x, plan = planned(start)
    before = net[3].gamma.detach().clone()
    plan.apply_(net)
    assert torch.equal(before, net[3].gamma)


def test_a_scale_that_ends_no_branch_stays() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gamma, self.read = nn.Parameter(torch.ones(WIDTH)), nn.Linear(WIDTH, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.read(self.gamma * x)

    assert sg.plan(Scaled(), torch.randn(4, WIDTH)).row("gamma").action == "keep"
