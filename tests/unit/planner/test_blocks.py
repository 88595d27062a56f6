"""Residual structure: every way of writing two branches of one stream gives the same branches."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.graph.trace import trace
from steadygrad.planner.blocks import Branch, branches

BLOCKS = 4


class Two(nn.Module):
    """Blocks of two pre-norm branches, one after the other or side by side."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.written = written
        self.n, self.m = (nn.ModuleList(nn.LayerNorm(64) for _ in range(BLOCKS)) for _ in range(2))
        self.f, self.g = (nn.ModuleList(nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64)) for _ in range(BLOCKS)) for _ in range(2))
        self.head = nn.Linear(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for n, m, f, g in zip(self.n, self.m, self.f, self.g, strict=True):
            y = n(x)
            if self.written == "(x + f) + g":
                x = x + f(y) + g(y)
            elif self.written == "(f + g) + x":
                x = f(y) + g(y) + x
            elif self.written == "x + (f + g), two norms":
                x = x + (f(y) + g(m(x)))
            else:
                x = x + f(y)
                x = x + g(m(x))
        return self.head(x)


def found(written: str) -> tuple[list[Branch], list[str]]:
    graph = trace(Two(written), batch()).graph
    made = list(branches(graph).values())
    return made, sorted(graph.nodes[b.handle[0]].where for b in made if b.handle is not None)


def batch() -> torch.Tensor:
    return torch.randn(64, 64, generator=torch.Generator().manual_seed(0))


WRITTEN = ("one after the other", "(x + f) + g", "(f + g) + x", "x + (f + g), two norms")


@pytest.mark.parametrize("written", WRITTEN)
def test_both_branches_of_every_block_are_seen(written: str) -> None:
    made, ends = found(written)
    assert ends == sorted(f"{part}.{i}.2" for part in "fg" for i in range(BLOCKS))
    assert all(b.length == 2 * BLOCKS and b.normed for b in made)


@pytest.mark.parametrize("written", WRITTEN)
def test_the_stream_ends_at_twice_its_size_squared(written: str) -> None:
    """2N branches of a share 1/(2N) of the stream each: between e and 2 times its second moment, and as predicted."""
    torch.manual_seed(0)
    net = Two(written)
    checked = sg.initialize_(net, batch()).verify(net, batch())
    last = [layer for layer in checked.layers if layer.kind == "join"][-1]
    assert 1.5 < last.measured_q < 3.5
    assert checked.worst_q < 1.6  # one draw at width 64, sums of eight branches


def test_a_projected_shortcut_is_still_one_branch_beside_its_stream() -> None:
    class Downsample(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.branch, self.shortcut, self.head = nn.Linear(64, 64), nn.Linear(64, 32), nn.Linear(64, 32), nn.Linear(32, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.relu(self.first(x))
            return self.head(torch.relu(torch.relu(self.branch(x)) + self.shortcut(x)))

    (branch,) = branches(trace(Downsample(), batch()).graph).values()
    assert branch.length == 1


class Streams(nn.Module):
    """Two branches under one gate that is written first, added to a stream that is cast right before the sum (hyper-connections, mixtures of experts)."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(64) for _ in range(BLOCKS))
        self.gates, self.f, self.g = (nn.ModuleList(nn.Linear(64, width) for _ in range(BLOCKS)) for width in (1, 64, 64))
        self.head = nn.Linear(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for norm, gate, f, g in zip(self.norms, self.gates, self.f, self.g, strict=True):
            y = norm(x)
            x = torch.sigmoid(gate(y)) * (f(y) + g(y)) + x.double()
            x = x.float()
        return self.head(x)


def test_a_gate_that_is_written_first_and_a_late_cast_hide_no_branch() -> None:
    graph = trace(Streams(), batch()).graph
    made = list(branches(graph).values())
    assert sorted(graph.nodes[b.handle[0]].where for b in made if b.handle is not None) == sorted(f"{part}.{i}" for part in "fg" for i in range(BLOCKS))
    assert all(b.length == 2 * BLOCKS for b in made)
