"""Scales that a norm makes free level the gradients of weights, and change nothing behind the norm."""

import math

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.planner import updates
from steadygrad.planner.spread import gradient_spread
from steadygrad.planner.verification import observe


class _Pyramid(nn.Module):
    """Four stages, each with a quarter of the places of the one before."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        widths = (3, 16, 32, 64, 128)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1, bias=False) for a, b in zip(widths, widths[1:], strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) if norm else nn.Identity() for b in widths[1:])
        self.head = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(norm(conv(x)))
        return self.head(x.mean((2, 3)))


def case(norm: bool = True) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return _Pyramid(norm), torch.randn(16, 3, 64, 64, generator=generator), torch.randint(0, 10, (16,), generator=generator)


def spread(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    return gradient_spread(observe(model, x, y, nn.functional.cross_entropy))


def test_gradients_come_closer_and_signals_behind_norms_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = case()
    plan = sg.plan(model, x)
    plan.apply_(model)
    level, seen = spread(model, x, y), plan.verify(model, x, y, nn.functional.cross_entropy)
    with monkeypatch.context() as patched:
        patched.setattr(updates, "SPREAD", 1.0)  # no room
        patched.setattr(updates, "_free", lambda graph, name: False)
        same = sg.plan(model, x)
    same.apply_(model)
    before = same.verify(model, x, y, nn.functional.cross_entropy)
    assert level < 0.5 * spread(model, x, y)
    for a, b in zip(seen.layers, before.layers, strict=True):
        if a.kind == "norm":  # the same weights up to a factor that the norm removes, but for its eps: 1e-5 against at least 0.02
            assert a.measured_q == pytest.approx(b.measured_q, rel=2e-3)
    assert seen.activation_spread < 10.0


def test_without_norms_no_scale_is_free() -> None:
    model, x, _ = case(norm=False)
    assert not any("free before a norm" in row.reason for row in sg.plan(model, x).rows)


def test_a_weight_that_something_else_reads_is_not_free() -> None:
    class Read(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.norm, self.head = nn.Linear(64, 64), nn.Linear(64, 64), nn.LayerNorm(64), nn.Linear(64, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made = self.a(x)
            return self.head(torch.relu(self.norm(self.b(torch.relu(made)))) + made)

    rows = {row.name: row for row in sg.plan(Read(), torch.randn(32, 64, generator=torch.Generator().manual_seed(0))).rows}
    assert "free before a norm" not in rows["a.weight"].reason
    assert "free before a norm" not in rows["head.weight"].reason


def test_predicted_gradients_of_weights_are_those_of_one_run() -> None:
    """N·q_in·g_out against autograd, relative to one another: the rule's own assumption, within a factor of two per rms."""
    model, x, y = case()
    plan = sg.plan(model, x)
    plan.apply_(model)
    seen = observe(model, x, y, nn.functional.cross_entropy)
    ratios = []
    for node in seen.graph.nodes:
        for use in node.uses:
            if use.role == "weight" and node.index in seen.graph.feeds_weights and node.inputs[0] in seen.signals:
                incoming = seen.signals[node.inputs[0]].moments.q
                predicted = updates._places(node, use) * incoming * seen.gradients[node.index].moments.q
                ratios.append(math.sqrt(seen.parameters[use.parameters[0]].gradient.moments.q / predicted))
    assert len(ratios) >= 3
    assert max(ratios) / min(ratios) < 4.0
