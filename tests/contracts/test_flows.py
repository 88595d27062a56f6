"""What an op is said to do to moments, against what it does: the same op at finite width, forward and backward."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from steadygrad.graph.flow import Walk
from steadygrad.graph.ops import FLOWS
from steadygrad.graph.ops.flow import Gradient
from steadygrad.planner.entering import signals
from steadygrad.planner.sight import ratios
from steadygrad.planner.verification import observe

WIDTH, BATCH = 512, 64


class Through(nn.Module):
    """A layer before, the op, and a layer after: the op then reads Gaussian signals and gets Gaussian gradients."""

    def __init__(self, op, before: nn.Module | None = None, after: nn.Module | None = None) -> None:
        super().__init__()
        self.op, self.before = op, before or nn.Linear(WIDTH, WIDTH)
        self.after = after or nn.Linear(WIDTH, WIDTH)
        for parameter in (p for m in (self.before, self.after) for p in m.parameters()):
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.op(self.before(x)))


class Attend(nn.Module):
    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.qkv, self.causal = nn.Linear(WIDTH, 3 * WIDTH), causal
        nn.init.normal_(self.qkv.weight, std=WIDTH**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (t.unflatten(-1, (8, -1)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal).transpose(1, 2).flatten(2)


class ByHand(Attend):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (t.unflatten(-1, (8, -1)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        return (torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), -1) @ v).transpose(1, 2).flatten(2)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(F.relu(x))


class OverChannels(Attend):
    """Softmax of channels by channels, as XCiT has it: what is averaged are channels, not positions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (t.unflatten(-1, (8, -1)).permute(0, 2, 3, 1) for t in self.qkv(x).chunk(3, -1))
        return (torch.softmax(q @ k.transpose(-2, -1) / q.shape[-1], -1) @ v).permute(0, 3, 1, 2).flatten(2)


class Kernel(Attend):
    """Linear attention without a softmax: kᵀv first, over positions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (t.unflatten(-1, (8, -1)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        return (q @ (k.transpose(-2, -1) @ v) / q.shape[-2]).transpose(1, 2).flatten(2)


class Token(nn.Module):
    """A token of another size beside the others has a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Linear(WIDTH, WIDTH)
        nn.init.normal_(self.own.weight, std=WIDTH**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        whole = torch.cat([4.0 * x[:, :1], x[:, 1:]], 1)
        return torch.cat([self.own(whole[:, :1]), whole[:, 1:]], 1)


class Gated(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507)."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(256, 256, 1), nn.Conv2d(256, 256, 1)
        for layer in (self.reduce, self.expand):
            nn.init.normal_(layer.weight, std=256**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(x)
        return x * torch.sigmoid(self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True)))))


def conv(**settings) -> Through:
    return Through(nn.Identity(), nn.Conv2d(16, 256, 3, **settings), nn.Conv2d(256, 256, 3, padding=1))


VECTORS, TOKENS, IMAGES = (BATCH, WIDTH), (16, 32, WIDTH), (16, 16, 12, 12)

def cases() -> dict[str, tuple[Through, tuple[int, ...]]]:
    """The same weights whatever was imported before."""
    torch.manual_seed(0)
    return {
        **{name: (Through(getattr(F, name)), VECTORS) for name in ("relu", "gelu", "silu", "tanh", "sigmoid", "elu", "leaky_relu", "hardtanh")},
        "glu": (Through(F.glu, nn.Linear(WIDTH, 2 * WIDTH)), VECTORS),
        "relu twice": (Through(lambda x: F.relu(F.relu(x) + 0.5)), VECTORS),
        "square": (Through(lambda x: x**2), VECTORS),
        "cube": (Through(lambda x: x**3), VECTORS),
        "scaled": (Through(lambda x: 0.3 * x / 2.0), VECTORS),
        "layer norm": (Through(nn.LayerNorm(WIDTH)), VECTORS),
        "layer norm of relu": (Through(nn.Sequential(nn.ReLU(), nn.LayerNorm(WIDTH))), VECTORS),
        "batch norm": (Through(nn.BatchNorm1d(WIDTH)), VECTORS),
        "batch norm of relu": (Through(nn.Sequential(nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH))), VECTORS),
        "rms norm": (Through(nn.RMSNorm(WIDTH)), VECTORS),
        "group norm": (Through(nn.GroupNorm(16, 256), nn.Conv2d(16, 256, 1), nn.Conv2d(256, 256, 1)), IMAGES),
        "dropout": (Through(nn.Dropout(0.3)), VECTORS),
        "residual": (Through(Residual()), VECTORS),
        "concatenation": (Through(lambda x: torch.cat([x, 2.0 * F.relu(x)], -1), None, nn.Linear(2 * WIDTH, WIDTH)), VECTORS),
        "product": (Through(lambda x: x.chunk(2, -1)[0] * F.silu(x.chunk(2, -1)[1]), nn.Linear(WIDTH, 2 * WIDTH)), VECTORS),
        "padded convolution": (conv(padding=1), IMAGES),
        "strided convolution": (conv(padding=1, stride=2), IMAGES),
        "dilated convolution": (conv(padding=2, dilation=2), IMAGES),
        "grouped convolution": (conv(padding=1, groups=4), IMAGES),
        "average pool": (Through(nn.AvgPool2d(2), nn.Conv2d(16, 256, 1), nn.Conv2d(256, 256, 1)), IMAGES),
        "global pool": (Through(nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1)), nn.Conv2d(16, 256, 1), nn.Conv2d(256, 256, 1)), IMAGES),
        "relu and max pool": (Through(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), nn.Conv2d(16, 256, 1), nn.Conv2d(256, 256, 1)), IMAGES),
        "squeeze and excitation": (Through(Gated(), nn.Conv2d(16, 256, 1), nn.Conv2d(256, 256, 1)), IMAGES),
        "unit length over positions": (Through(lambda x: 5.0 * F.normalize(x)), TOKENS),
        "unit length over channels": (Through(lambda x: 5.0 * F.normalize(x, dim=-1)), TOKENS),
        "attention over channels": (Through(OverChannels(False)), TOKENS),
        "linear attention": (Through(Kernel(False)), TOKENS),
        "a token with a layer of its own": (Through(Token()), TOKENS),
        "cast like another": (Through(lambda x: F.relu(x).type_as(x)), VECTORS),
        "attention": (Through(Attend(False)), TOKENS),
        "causal attention": (Through(Attend(True)), TOKENS),
        "attention by hand": (Through(ByHand(False)), TOKENS),
        "matmul": (Through(lambda x: x @ torch.eye(WIDTH)), VECTORS),
    }  # fmt: skip


with torch.random.fork_rng(devices=[]):
    CASES = cases()


def walked(model: nn.Module, x: torch.Tensor):
    """The flow of a model at its own weights, and what was measured."""
    seen = observe(model, x)
    readings = {name: r.value.moments.q for name, r in seen.parameters.items()}
    changes = ratios(seen)
    walk = Walk(seen.graph, len(x), lambda use: np.array([readings[use.parameters[0]]]), lambda node: changes.get(node.index))
    entering = signals(seen.graph, x)
    for node in seen.graph.nodes:
        if node.index in entering:
            walk.signals[node.index] = entering[node.index]
        else:
            walk.forward(node)
    walk.backward({i: Gradient(np.array([seen.gradients[i].moments.q])) for i in seen.graph.outputs})
    return walk, seen


@pytest.mark.parametrize("name", CASES)
def test_moments_are_those_of_the_op(name: str) -> None:
    model, shape = CASES[name]
    torch.manual_seed(0)
    walk, seen = walked(model, torch.randn(shape))
    for node in seen.graph.nodes:
        if node.kind in ("affine", "join", "norm", "attention", "activation") and node.index in seen.signals:
            # entries of a layer of width n fluctuate together by √(5/n) in q: twice that at the smallest, 256
            assert walk.signals[node.index].value == pytest.approx(seen.signals[node.index].moments.q, rel=0.28), node.label
            if node.index in seen.gradients and seen.gradients[node.index].moments.q > 0.0:
                g = float(walk.gradients[node.index].g[0])
                assert g == pytest.approx(seen.gradients[node.index].moments.q, rel=0.28), node.label


def test_what_is_unknown_is_measured_and_said() -> None:
    torch.manual_seed(0)
    walk, seen = walked(Through(lambda x: torch.sinh(x)), torch.randn(VECTORS))
    node = next(n for n in seen.graph.nodes if n.op == "sinh")
    assert node.index in walk.measured
    assert walk.signals[node.index].value == pytest.approx(seen.signals[node.index].moments.q, rel=0.1)


def test_every_kind_that_carries_signals_has_a_flow() -> None:
    kinds = {key.removeprefix("kind:") for key in FLOWS if key.startswith("kind:")}
    assert kinds >= {"affine", "activation", "norm", "scale", "shift", "join", "contract", "attention", "softmax", "dropout", "pool", "view", "pointwise", "cast"}


def test_many_hypotheses_walk_together() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH)), torch.randn(VECTORS)
    seen = observe(net, x)
    scales = {"0.weight": np.array([1.0, 4.0]) / WIDTH, "2.weight": np.array([1.0, 1.0]) / WIDTH}
    walk = Walk(seen.graph, BATCH, lambda use: scales.get(use.parameters[0], np.zeros(1)))
    for node in seen.graph.nodes:
        walk.signals[node.index] = signals(seen.graph, x)[node.index] if node.op == "input" else walk.forward(node)
    together = walk.signals[seen.graph.outputs[0]].q
    for column in (0, 1):
        alone = Walk(seen.graph, BATCH, lambda use, c=column: scales.get(use.parameters[0], np.zeros(2))[c : c + 1])
        for node in seen.graph.nodes:
            alone.signals[node.index] = signals(seen.graph, x)[node.index] if node.op == "input" else alone.forward(node)
        assert together[column] == pytest.approx(alone.signals[seen.graph.outputs[0]].value, rel=1e-12)
