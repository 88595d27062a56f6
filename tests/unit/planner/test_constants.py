"""Tensors of constants that a signal meets: followed as they are, not by what they did at the model's own scales."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.graph.ops.constant import moments
from steadygrad.planner.sight import see
from steadygrad.planner.study import Study
from steadygrad.planner.verification import observe

WIDTH, PLACES = 128, 24


class Frozen(nn.Module):
    """A norm whose statistics and scale are buffers, as detectors keep those of their backbone."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.register_buffer("scale", torch.full((WIDTH, 1, 1), scale) * torch.linspace(0.5, 1.5, WIDTH)[:, None, None])
        self.register_buffer("shift", torch.full((WIDTH, 1, 1), 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.shift


class Tabled(nn.Module):
    """Positions are added to what queries read, after a layer that came out small."""

    def __init__(self) -> None:
        super().__init__()
        angles = torch.arange(PLACES)[:, None] / 50.0 ** (torch.arange(WIDTH) / WIDTH)
        self.register_buffer("table", torch.where(torch.arange(WIDTH) % 2 == 0, angles.sin(), angles.cos()))
        self.enter, self.read, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        nn.init.normal_(self.enter.weight, std=0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.read(self.enter(x) + self.table)))


class Silent(nn.Module):
    """Residual branches that frozen norms shut, between layers that halve their stream."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 1) for _ in range(6))
        self.branches = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 1) for _ in range(6))
        self.register_buffer("zero", torch.zeros(WIDTH, 1, 1))
        self.norm, self.head = nn.GroupNorm(1, WIDTH), nn.Conv2d(WIDTH, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, branch in zip(self.layers, self.branches, strict=True):
            x = torch.relu(layer(x) + branch(x) * self.zero)
        return self.head(self.norm(x))


def follow(net: nn.Module, x: torch.Tensor, factor: float):
    """What is predicted of the design with its first weight's E[w²] this many times as large, and a run of it."""
    made = Study(net, see(net, x), x, {}, {})
    made.design.finish()
    made.design.moments[next(iter(made.design.moments))] *= factor
    return made.design.finish_as_is(), made.run(net, x, 0)


@pytest.mark.parametrize("factor", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("net", [Tabled, lambda: nn.Sequential(nn.Conv2d(8, WIDTH, 1), Frozen(1.0), nn.Tanh(), nn.Conv2d(WIDTH, WIDTH, 1))])
def test_what_adds_adds_whatever_it_is_added_to(net, factor: float) -> None:
    """Forward and backward, at scales far from those that the model came with."""
    torch.manual_seed(0)
    model = net()
    walk, seen = follow(model, torch.randn(16, PLACES, WIDTH) if isinstance(model, Tabled) else torch.randn(16, 8, 6, 6), factor)
    scale = seen.gradients[seen.graph.outputs[0]].moments.q
    checked = 0
    for node in seen.graph.nodes:
        if node.kind in ("affine", "pointwise") and node.inputs:
            assert node.index not in walk.measured
            assert walk.signals[node.index].value == pytest.approx(seen.signals[node.index].moments.q, rel=0.2), node.label
            assert float(walk.gradients[node.index].g[0]) == pytest.approx(seen.gradients[node.index].moments.q / scale, rel=0.3), node.label
            checked += 1
    assert checked > 3


def test_cosines_count_what_is_broadcast() -> None:
    """Against all pairs of the broadcast tensor."""
    torch.manual_seed(0)
    table = torch.randn(PLACES, WIDTH) + 0.3
    q, mean, c, b = moments(table, (4, PLACES, WIDTH))
    whole = table.expand(4, PLACES, WIDTH).double()
    pairs = whole @ whole.transpose(1, 2)
    away = (pairs.sum() - pairs.diagonal(dim1=1, dim2=2).sum()) / (4 * PLACES * (PLACES - 1) * WIDTH)
    assert q == pytest.approx(float(whole.square().mean())) and mean == pytest.approx(float(whole.mean()) ** 2 / q)
    assert c == pytest.approx(float(away) / q) and b == pytest.approx(1.0)
    assert moments(torch.rand(WIDTH, 1, 1) + 1.0, (4, WIDTH, 6, 6))[2:] == pytest.approx((1.0, 1.0))
    rows = torch.randn(4, WIDTH, 6, 1)
    wide = rows.expand(4, WIDTH, 6, 6).flatten(2).double()
    away = (wide.sum(2).square() - wide.square().sum(2)).mean() / (36 * 35)
    assert moments(rows, (4, WIDTH, 6, 6))[2] == pytest.approx(float(away / wide.square().mean()))


def test_what_is_no_table_is_left_to_measurement() -> None:
    """Masks that are added, whole samples that are dropped, complex numbers, counts, shapes alone."""
    for low in (torch.finfo(torch.float32).min, -100.0):
        mask = torch.zeros(1, 1, 6, 6).masked_fill(torch.ones(6, 6).triu(1).bool(), low)
        assert moments(mask, (4, 2, 6, 6), "add") is None
    assert moments(torch.tensor([0.0, 2.0]).reshape(2, 1, 1), (2, 6, 8)) is None
    assert moments(torch.ones(6, dtype=torch.complex64), (4, 6)) is None
    assert moments(torch.ones(6, dtype=torch.int64), (4, 6)) is None
    assert moments(torch.ones(6, device="meta"), (4, 6)) is None
    assert moments(torch.zeros(6), (4, 6), "div") is None


class Nothing(nn.Module):
    """Two features that are not there, side by side, as a forecaster's static ones may be."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        none = torch.cat([x[:, :0].log1p(), x[:, :0]], -1)
        return self.out(torch.cat([self.norm(x), none], -1))


def test_tensors_without_entries_are_followed() -> None:
    """`plan` raised ZeroDivisionError."""
    torch.manual_seed(0)
    made = sg.plan(Nothing(), torch.rand(16, WIDTH))
    assert made.layers[-1].q == pytest.approx(0.5, rel=0.1)


def test_branches_that_a_buffer_shuts_carry_nothing() -> None:
    """The stream was taken for twice as large as it is at every sum, and shrank from layer to layer."""
    torch.manual_seed(0)
    net, x = Silent(), torch.randn(8, WIDTH, 5, 5)
    made = sg.plan(net, x)
    made.apply_(net)
    seen = observe(net, x)
    sizes = [seen.signals[n.index].moments.q for n in seen.graph.nodes if n.kind == "affine" and ".layers." in f".{n.where}"]
    assert len(sizes) == 6 and max(sizes) < 2.0 * min(sizes)
