"""Spectra against the whole Jacobian by plain autograd, and against theory."""

import numpy as np
import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.errors import InputError
from steadygrad.graph.trace import trace
from steadygrad.graph.waists import blocks, waists
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.jacobian import Jacobians
from steadygrad.probes.experiments.linear_map import LinearMap
from steadygrad.rules.specimens import batch, classification, mlp
from steadygrad.theory import activations
from steadygrad.theory.jacobian import layer_spread


def jacobians(model: nn.Module, inputs: torch.Tensor) -> Jacobians:
    return observe(Case(model, inputs), depth="full").experiments["jacobian"]


@pytest.mark.parametrize(("samples", "exact"), [(2, True), (16, False)])
def test_it_is_the_spectrum_of_the_jacobian(samples: int, exact: bool) -> None:
    net, x = mlp(16, 20, 20, activation=nn.Tanh), batch(samples, 16)
    whole = jacobians(net, x).whole
    matrix = torch.autograd.functional.jacobian(net, x).reshape(samples * 20, samples * 16)
    square = torch.linalg.svdvals(matrix.double()).square().numpy()
    assert whole is not None and whole.exact == exact
    # the mean of three probes: 4 sigma, sigma² = 2(1 + spread)·mean²/(3n); exact ones up to rounding
    sigma = 0.0 if exact else (2 * (1 + square.var() / square.mean() ** 2) / (3 * samples * 16)) ** 0.5
    assert whole.mean == pytest.approx(square.mean(), rel=4 * sigma + 1e-5)
    assert whole.spread == pytest.approx(square.var() / square.mean() ** 2, rel=(1e-4 if exact else 16 * sigma))
    assert whole.top == pytest.approx(square.max() ** 0.5, rel=1e-5) if exact else whole.top <= square.max() ** 0.5 * (1 + 1e-5)
    assert whole.forward == pytest.approx(float(matrix.square().sum()) / len(matrix), rel=4 * sigma + 1e-5)
    assert whole.backward == pytest.approx(float(matrix.square().sum()) / matrix.shape[1], rel=4 * sigma + 1e-5)


def test_products_are_those_of_the_matrix() -> None:
    net, x = mlp(6, 8, 5, activation=nn.Tanh), batch(1, 6).requires_grad_()
    matrix = torch.autograd.functional.jacobian(net, x)[0, :, 0]
    made = LinearMap(x, net(x))
    u, v = batch(5, seed=3), batch(6, seed=4)
    torch.testing.assert_close(made.transposed(u), matrix.T @ u)
    torch.testing.assert_close(made.forward(v), matrix @ v)


@pytest.mark.parametrize(
    ("name", "module", "orthogonal"), [("relu", nn.ReLU, False), ("relu", nn.ReLU, True), ("tanh", nn.Tanh, False), ("tanh", nn.Tanh, True)]
)
def test_one_layer_has_the_spread_of_theory(name: str, module: type[nn.Module], orthogonal: bool) -> None:
    width = 256
    layer = nn.Linear(width, width, bias=False)
    torch.manual_seed(0)
    nn.init.orthogonal_(layer.weight) if orthogonal else nn.init.normal_(layer.weight, std=width**-0.5)
    spectrum = jacobians(nn.Sequential(layer, module()), batch(16, width)).blocks[0].spectrum
    slope = {"relu": 0.5, "tanh": 0.464403}[name]
    # n = 4096 values of one draw of weights; its own spread is known to about 1/width of 2 and the probe to 3·√(2·3/4096)
    assert spectrum.forward == pytest.approx(slope, rel=0.1)
    assert spectrum.spread == pytest.approx(layer_spread(activations.get(name), orthogonal=orthogonal), abs=0.25)


@pytest.mark.parametrize(("rows", "columns"), [(100, 400), (400, 100)])
def test_the_rectangular_spread_is_that_of_a_drawn_matrix(rows: int, columns: int) -> None:
    generator = np.random.default_rng(0)
    slope = np.arange(rows) % 2  # the slope of ReLU: half of them
    found = []
    for _ in range(40):
        s = np.linalg.svd(slope[:, None] * generator.normal(size=(rows, columns)), compute_uv=False) ** 2
        found.append(s.var() / s.mean() ** 2)
    expected = layer_spread(activations.get("relu"), fan_in=columns, fan_out=rows)
    assert np.mean(found) == pytest.approx(expected, rel=0.05)  # terms of order 1/100 are left out of the formula
    with pytest.raises(InputError, match="equal for orthogonal weights, got 400 and 100"):
        layer_spread(activations.get("relu"), fan_in=400, fan_out=100, orthogonal=True)
    with pytest.raises(InputError, match="`relu` must have a slope at q = 0, got"):
        layer_spread(activations.get("relu"), q=0.0)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(self.first(x).relu())


def test_a_skip_connection_leaves_no_waist_inside() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), Residual(), Residual(), nn.Linear(8, 2))
    graph = trace(net, batch(4, 8)).graph
    assert [graph.nodes[i].op for i in waists(graph)] == ["input", "linear", "relu", "add", "add", "linear"]
    found = blocks(graph)
    assert [b.where for b in found] == ["0", "2", "3", "4"]
    assert [graph.nodes[b.end].op for b in found] == ["relu", "add", "add", "linear"]


def test_masks_and_positions_are_no_signal() -> None:
    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place, self.head = nn.Embedding(9, 8), nn.Embedding(5, 8), nn.Linear(8, 3)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            x = self.token(ids) + self.place(torch.arange(ids.shape[1]))
            return self.head(self.layer(x, src_key_padding_mask=mask))

    inputs = (torch.arange(10).reshape(2, 5) % 9, torch.zeros(2, 5, dtype=torch.bool))
    graph = trace(Text(), inputs).graph
    found = blocks(graph)
    assert graph.nodes[found[0].start].op == "add" and found[-1].where == "head"


class OnceOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.tanh()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return g * (1 - ctx.saved_tensors[0].tanh().square())


class OnceOnlyTanh(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return OnceOnly.apply(x)


class Moody(nn.Module):
    """Runs other ops every time."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        MOODS.append(1)
        x = self.layers[0](x)
        for _ in MOODS:
            x = x.tanh()
        return self.layers[1](x)


MOODS: list[int] = []


def test_a_model_that_runs_other_ops_the_second_time_is_left_out_and_named() -> None:
    evidence = observe(Case(Moody(), batch(4, 4)), depth="full")
    assert "jacobian" not in evidence.experiments
    assert any("jacobian was not measured (ModelError: the model ran other ops" in note for note in evidence.graph.notes)


def test_where_an_op_has_no_second_derivative_the_mean_is_still_measured() -> None:
    case = classification(mlp(16, 20, 20, activation=OnceOnlyTanh), classes=20)
    whole = observe(case, depth="full").experiments["jacobian"].whole
    smooth = observe(classification(mlp(16, 20, 20, activation=nn.Tanh), classes=20), depth="full").experiments["jacobian"].whole
    assert whole.spread is None and whole.top is None
    assert whole.mean == pytest.approx(smooth.mean, rel=0.2)
