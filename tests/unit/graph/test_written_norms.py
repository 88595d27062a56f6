"""Norms that models write out are norms, with the eps they mean; what only looks like one is left alone."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.graph.signal_graph import Node
from steadygrad.graph.trace import trace
from steadygrad.planner.study import Study

Written = Callable[[torch.Tensor], torch.Tensor]


def _mean(x: torch.Tensor, axis: int = -1) -> torch.Tensor:
    return x.mean(axis, keepdim=True)


NORMS: dict[str, tuple[Written, str, float, Written]] = {
    "llama": (lambda x: x * torch.rsqrt(_mean(x.pow(2)) + 1e-2), "rms_norm", 1e-2, lambda x: nn.functional.rms_norm(x, (16,), eps=1e-2)),
    "squares": (lambda x: x / torch.sqrt(_mean(x * x) + 1e-2), "rms_norm", 1e-2, lambda x: nn.functional.rms_norm(x, (16,), eps=1e-2)),
    "powers and casts": (lambda x: x.float() * _mean(x.float() ** 2).add(1e-2).pow(-0.5), "rms_norm", 1e-2, lambda x: nn.functional.rms_norm(x, (16,), eps=1e-2)),
    "reduced and put back": (lambda x: x * torch.rsqrt(x.square().mean(-1) + 1e-2)[..., None], "rms_norm", 1e-2, lambda x: nn.functional.rms_norm(x, (16,), eps=1e-2)),
    "swapped": (lambda x: torch.rsqrt(_mean(x.pow(2)) + 1e-2) * x, "rms_norm", 1e-2, lambda x: nn.functional.rms_norm(x, (16,), eps=1e-2)),
    "without eps": (lambda x: x * torch.rsqrt(_mean(x.pow(2))), "rms_norm", 0.0, lambda x: nn.functional.rms_norm(x, (16,), eps=0.0)),
    "variance": (lambda x: (x - _mean(x)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-2).sqrt(), "layer_norm", 1e-2, lambda x: nn.functional.layer_norm(x, (16,), eps=1e-2)),
    "centred twice": (lambda x: (x - _mean(x)) * torch.rsqrt(_mean((x - _mean(x)).pow(2)) + 1e-2), "layer_norm", 1e-2, lambda x: nn.functional.layer_norm(x, (16,), eps=1e-2)),
    "deviation plus eps": (lambda x: (x - _mean(x)) / (x.std(-1, keepdim=True) + 1e-1), "layer_norm", 1e-2, lambda x: (x - _mean(x)) / (x.std(-1, keepdim=True) + 1e-1)),
    "not centred": (lambda x: x * torch.rsqrt(x.var(-1, keepdim=True) + 1e-2), "simple_norm", 1e-2, lambda x: x / (x.var(-1, keepdim=True) + 1e-2).sqrt()),
}  # fmt: skip
OTHERS: dict[str, Written] = {
    "times the power": lambda x: x * _mean(x.pow(2)),
    "by the absolute mean": lambda x: x * torch.rsqrt(_mean(x.abs()) + 1.0),
    "a gate": lambda x: x * torch.sigmoid(_mean(x)),
    "by something else": lambda x: x * torch.rsqrt(_mean(torch.tanh(x).pow(2)) + 1e-2),
    "the fourth root": lambda x: x * torch.rsqrt(_mean(x.pow(2)).sqrt() + 1e-2),
    "entry by entry": lambda x: x * torch.rsqrt(x.pow(2) + 1e-2),
}


class _Net(nn.Module):
    def __init__(self, written: Written) -> None:
        super().__init__()
        self.a, self.b, self.written = nn.Linear(16, 16), nn.Linear(16, 4), written

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.written(self.a(x)))


def x(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def norms(written: Written) -> list[Node]:
    return [node for node in trace(_Net(written), x(8, 5, 16)).graph.nodes if node.kind == "norm"]


@pytest.mark.parametrize("name", NORMS)
def test_written_norms_are_norms(name: str) -> None:
    written, op, eps, same = NORMS[name]
    torch.testing.assert_close(written(x(8, 5, 16)), same(x(8, 5, 16)))  # the specimen is what it is said to be
    (node,) = norms(written)
    assert node.op == op and node.options["eps"] == pytest.approx(eps) and node.options["normalized_shape"] == (16,)
    assert len(node.inputs) == 1 and node.unit_axis == 2


@pytest.mark.parametrize("name", OTHERS)
def test_other_products_are_left_alone(name: str) -> None:
    assert norms(OTHERS[name]) == []


def test_a_norm_over_channels_of_images() -> None:
    def written(t: torch.Tensor) -> torch.Tensor:
        mean = t.mean(1, keepdim=True)
        return (t - mean) / torch.sqrt((t - mean).pow(2).mean(1, keepdim=True) + 1e-6)

    net = nn.Sequential(nn.Conv2d(3, 8, 3), _Net(lambda t: t).a.__class__(6, 6), nn.Conv2d(8, 4, 3))
    net[1] = _Module(written)
    (node,) = [n for n in trace(net, x(2, 3, 8, 8)).graph.nodes if n.kind == "norm"]
    assert (node.op, node.unit_axis, node.options["normalized_shape"]) == ("layer_norm", 1, (8,))


class _Module(nn.Module):
    def __init__(self, function: Written) -> None:
        super().__init__()
        self.function = function

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        return self.function(t)


class _Blocks(nn.Module):
    """Pre-norm branches, as language models write them."""

    def __init__(self, written: bool) -> None:
        super().__init__()
        self.ups, self.downs = (nn.ModuleList(nn.Linear(a, b) for _ in range(6)) for a, b in ((64, 128), (128, 64)))
        self.scales, self.head, self.written = nn.ParameterList(nn.Parameter(torch.ones(64)) for _ in range(6)), nn.Linear(64, 10), written

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        for up, down, scale in zip(self.ups, self.downs, self.scales, strict=True):
            normed = scale * (t * torch.rsqrt(_mean(t.pow(2)) + 1e-6)) if self.written else nn.functional.rms_norm(t, (64,), scale, 1e-6)
            t = t + down(torch.relu(up(normed)))
        return self.head(t)


def test_plans_are_the_same_however_the_norm_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """As designed; moves that follow a run see a written norm's ops one by one, and come out some per cent apart."""
    monkeypatch.setattr(Study, "refine", lambda *_: None)
    plans = [sg.plan(_Blocks(written), 10.0 * x(32, 64)) for written in (True, False)]
    for name, _ in _Blocks(True).named_parameters():
        if "scales" not in name:  # a written norm's scale is kept as it is: ones
            assert plans[0].row(name).after == pytest.approx(plans[1].row(name).after, rel=1e-6), name
    net = _Blocks(True)
    found = plans[0].apply_(net).verify(net, 10.0 * x(32, 64))
    assert found.worst_q < 1.5
