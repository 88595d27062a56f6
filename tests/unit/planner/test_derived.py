"""Weights that constants are multiplied into before a signal meets them: as large as they come out, and so are their gradients."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from steadygrad.planner.sight import see
from steadygrad.planner.study import Study
from steadygrad.planner.updates import sizes

WIDTH, PLACES = 64, 32


class RelativeKeys(nn.Module):
    """Logits of content and of distance; keys of distances are a table of sines times a matrix (Dai et al. 2019, arXiv:1901.02860)."""

    def __init__(self) -> None:
        super().__init__()
        angles = torch.arange(PLACES)[:, None] / 100.0 ** (torch.arange(WIDTH // 2) / WIDTH * 2)
        self.register_buffer("table", torch.cat([angles.sin(), angles.cos()], -1))
        self.query, self.distance, self.value = (nn.Parameter(torch.randn(WIDTH, WIDTH) * WIDTH**-0.5) for _ in range(3))
        self.norm, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        keys = torch.einsum("jh,hd->jd", self.table, self.distance)
        logits = torch.einsum("bid,jd->bij", torch.einsum("bih,hd->bid", x, self.query), keys) / math.sqrt(WIDTH)
        return self.out(torch.sigmoid(logits) @ (x @ self.value))


class Basis(nn.Module):
    """Kernels that are mixtures of fixed filters."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", 3.0 * torch.randn(6, 3, 3))
        self.enter, self.mixture = nn.Conv2d(8, WIDTH, 1), nn.Parameter(torch.randn(WIDTH, WIDTH, 6))
        self.norm, self.out = nn.GroupNorm(1, WIDTH), nn.Conv2d(WIDTH, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = torch.einsum("oik,khw->oihw", self.mixture, self.filters) * 0.1
        return self.out(torch.tanh(F.conv2d(self.norm(self.enter(x)), kernel)))


class Plain(nn.Module):
    """The same product as a weight that is multiplied by a matrix of constants on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("basis", 4.0 * torch.randn(WIDTH, 48))
        self.weight, self.norm, self.out = nn.Parameter(torch.randn(WIDTH, 48)), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.norm(x) @ (self.basis @ self.weight.T / 2.0)))


CASES = {
    "relative keys": (RelativeKeys, (8, PLACES, WIDTH), "distance"),
    "filters": (Basis, (8, 8, 12, 12), "mixture"),
    "matrix": (Plain, (64, WIDTH), "weight"),
}


@pytest.mark.parametrize("name", CASES)
def test_derived_weights_are_as_large_as_they_come_out(name: str) -> None:
    """What is made with them has unit size, and their gradient per entry is the one predicted."""
    torch.manual_seed(0)
    kind, shape, parameter = CASES[name]
    net, x = kind(), torch.randn(shape)
    made = Study(net, see(net, x), x, {}, {})
    walk = made.design.finish()
    seen = made.run(net, x, 0)
    node, use = next(iter(seen.graph.uses_of(parameter)))
    assert use.derived and use.growth != 1.0
    q = seen.signals[node.index].moments.q
    assert 0.5 < q < 2.0 or name == "relative keys"  # whose logits the model divides by √width
    assert walk.signals[node.index].value == pytest.approx(q, rel=0.3)
    scale = seen.gradients[seen.graph.outputs[0]].moments.q
    measured = seen.parameters[parameter].gradient.moments.q / scale
    follow = float(walk.gradients[node.index].g[0]) / (seen.gradients[node.index].moments.q / scale)  # what is predicted of ops behind it
    assert float(sizes(made.design, walk)[parameter][0]) / follow == pytest.approx(measured, rel=0.6)


def test_shapes_alone_say_nothing_of_constants() -> None:
    net = Plain().to("meta")
    graph = see(net, torch.randn(64, WIDTH, device="meta")).graph
    assert next(iter(graph.uses_of("weight")))[1].growth == 0.25  # the number that it is divided by is known
