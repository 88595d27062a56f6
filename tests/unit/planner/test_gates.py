"""Squeeze-and-excitation: the norm before a gate makes up for it, and what gates read stays where sigmoids have a slope."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.planner.logits import WIDEST, gate_operands
from steadygrad.planner.verification import observe

CHANNELS = 32


class Excite(nn.Module):
    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.reduce, self.expand, self.gate = nn.Conv2d(CHANNELS, 8, 1), nn.Conv2d(8, CHANNELS, 1), gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(self.expand(torch.relu(self.reduce(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    """Norm, activation, gate, weight; with `halves` the activation is of two convolutions side by side, as in GhostNet."""

    def __init__(self, gate: nn.Module, halves: bool = False) -> None:
        super().__init__()
        width = CHANNELS // 2 if halves else CHANNELS
        self.convs = nn.ModuleList(nn.Conv2d(CHANNELS, width, 3, padding=1, bias=False) for _ in range(1 + halves))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(1 + halves))
        self.gated, self.down, self.out = Excite(gate), nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False), nn.BatchNorm2d(CHANNELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [torch.relu(norm(conv(x))) for conv, norm in zip(self.convs, self.norms, strict=True)]
        return self.out(self.down(self.gated(torch.cat(parts, 1) if len(parts) > 1 else parts[0])))


def network(block: Block) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, padding=1), block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 10))
    return net, torch.randn(16, 3, 16, 16)


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("gate", [nn.Sigmoid(), nn.Hardsigmoid()])
def test_what_is_gated_keeps_its_size(gate: nn.Module, halves: bool) -> None:
    """E[ReLU(z)²] = 1/2 of a unit signal: with γ = 1 the gate would leave 0.15 of it."""
    net, x = network(Block(gate, halves))
    plan = sg.plan(net, x)
    assert all("over the rms" in plan.row(f"1.norms.{i}.weight").reason for i in range(1 + halves))
    assert plan.row("1.out.weight").after == 1.0
    plan.apply_(net)
    seen = observe(net, x)
    gated = next(n.index for n in seen.graph.nodes if n.op == "mul" and n.where == "1.gated")
    assert seen.signals[gated].moments.q == pytest.approx(0.5, rel=0.2)


def test_gates_that_are_no_sigmoids_are_left_alone() -> None:
    net, x = network(Block(nn.Tanh()))
    assert sg.plan(net, x).row("1.norms.0.weight").after == 1.0


def test_gates_are_not_driven_shut() -> None:
    net, x = network(Block(nn.Sigmoid()))
    sg.initialize_(net, x)
    seen = observe(net, x)
    read = gate_operands(seen.graph)
    assert len(read) == 1 and seen.signals[read[0]].moments.q < 1.2 * WIDEST


def test_a_stream_that_gates_shrink_is_filled_up_again() -> None:
    """RepViT gates the stream itself: shares of what is left of it would shrink with it, to 1/40 after 14 blocks."""

    class Shrinking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False) for _ in range(2))
            self.norms, self.gated = nn.ModuleList(nn.BatchNorm2d(CHANNELS) for _ in range(2)), Excite(nn.Sigmoid())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for conv, norm in zip(self.convs, self.norms, strict=True):
                x = x + norm(conv(x))
            return self.gated(x)

    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS))
    blocks = [Shrinking() for _ in range(8)]
    net, x = nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 10)), torch.randn(16, 3, 16, 16)
    plan = sg.initialize_(net, x)
    assert all(plan.row(f"{i}.norms.{k}.weight").after ** 2 >= 0.5 - 1e-9 for i in range(1, 1 + len(blocks)) for k in (0, 1))
    assert nn.Sequential(stem, *blocks)(x).square().mean().item() > 0.03  # 0.29⁸ = 5e-5 of it would be left
