"""Zero padding, layer after layer: predicted profiles and second moments against the eigenvalue, and against real kernels."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.graph.ops import borders
from steadygrad.graph.ops.flow import Passage
from steadygrad.graph.signal_graph import TensorSpec
from steadygrad.planner.verification import observe


def stack(depth: int, width: int) -> nn.Sequential:
    deep = [nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)]
    return nn.Sequential(nn.Conv2d(4, width, 3, padding=1), *deep, nn.Conv2d(width, width, 1))


def walked(model: nn.Module, x: torch.Tensor, scheme: str):
    plan = sg.plan(model, x, scheme=scheme, seed=3)
    plan.apply_(model)
    seen = observe(model, x)
    return [(layer, seen.signals[layer.index]) for layer in plan.layers if layer.kind == "affine" and layer.index in seen.signals]


def test_a_deep_chain_of_gaussian_kernels_loses_the_eigenvalue_per_layer() -> None:
    model = stack(30, 8)
    plan = sg.plan(model, torch.randn(4, 4, 7, 7, generator=torch.Generator().manual_seed(0)), scheme="he_normal")
    q = [layer.q for layer in plan.layers if layer.kind == "affine"][:-1]
    assert q[-1] / q[-2] == pytest.approx(((1.0 + 2.0 * math.cos(math.pi / 8.0)) / 3.0) ** 2, rel=1e-6)  # of the 7 × 7 matrix of three diagonals


@pytest.mark.parametrize("scheme", ["he_normal", "delta_orthogonal"])
def test_predictions_follow_real_kernels(scheme: str) -> None:
    depth, width, batch = 12, 96, 32
    model = stack(depth, width)
    rows = walked(model, torch.randn(batch, 4, 7, 7, generator=torch.Generator().manual_seed(1)), scheme)
    for i, (layer, seen) in enumerate(rows):
        fluctuation = 4.0 * math.sqrt(2.0 * (i + 1) / width)  # of a product of i + 1 Gaussian layers of this width, 4 σ
        assert abs(math.log(seen.moments.q / layer.q)) < fluctuation
    if scheme == "delta_orthogonal":
        q = [seen.moments.q for _, seen in rows[1:-1]]
        assert max(q) / min(q) < 1.0 + 1e-4


LAYERS = {
    "same": nn.Conv2d(48, 48, 3, padding=1),
    "wide": nn.Conv2d(48, 48, 5, padding=2),
    "by name": nn.Conv2d(48, 48, 3, padding="same"),
    "strided": nn.Conv2d(48, 48, 3, stride=2, padding=1),
    "valid": nn.Conv2d(48, 48, 3),
    "dilated": nn.Conv2d(48, 48, 3, padding=2, dilation=2),
    "grouped": nn.Conv2d(48, 48, 3, padding=1, groups=2),
    "one axis": nn.Conv1d(48, 48, 5, padding=2),
    "transposed": nn.ConvTranspose2d(48, 48, 3, stride=2, padding=1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_shares_and_profiles_are_those_of_the_op(name: str) -> None:
    """E over kernels of what leaves each position, exactly: squared kernels of ones through the same op."""
    layer = LAYERS[name]
    dims = layer.weight.ndim - 2
    shape = (1, 48, *(9, 7)[:dims])
    node = next(n for n in sg.plan(nn.Sequential(layer), torch.randn(2, *shape[1:])).graph.nodes if n.kind == "affine")
    at = Passage(node, (), (TensorSpec((2, *shape[1:]), "float32"),), 2, lambda use: np.ones(1))
    profile = tuple(np.linspace(0.5, 1.5, size) for size in shape[2:])
    q = torch.ones(shape)
    for axis, u in enumerate(profile):
        q = q * torch.tensor(u, dtype=torch.float32).reshape(-1, *[1] * (dims - 1 - axis))
    q = q.requires_grad_()
    with torch.no_grad():
        layer.weight.fill_(1.0), layer.bias.zero_()
    out = layer(q)
    share, made = borders.forward(at, profile)
    use = next(u for u in node.uses if u.role == "weight")
    expected = out[0, 0].detach().double().numpy() / use.fans.fan_in
    assert share == pytest.approx(expected.mean(), rel=1e-5)
    np.testing.assert_allclose(outer(made) * share, expected, rtol=1e-5)
    back_profile = tuple(np.linspace(1.5, 0.5, size) for size in out.shape[2:])
    out.backward(torch.tensor(outer(back_profile), dtype=torch.float32).expand_as(out))
    share, made = borders.backward(at, back_profile)
    expected = q.grad[0, 0].double().numpy() / use.fans.fan_out
    assert share == pytest.approx(expected.mean(), rel=1e-5)
    np.testing.assert_allclose(outer(made) * share, expected, rtol=1e-5, atol=1e-12)


def outer(profile: tuple[np.ndarray, ...]) -> np.ndarray:
    return profile[0] if len(profile) == 1 else np.multiply.outer(*profile)


def test_profiles_are_pooled_spread_and_dropped() -> None:
    u = (np.array([0.5, 1.5, 1.5, 0.5]),)
    assert borders.carried(u, (2, 8, 4), (2, 8, 2))[0].tolist() == [1.0, 1.0]
    assert borders.carried(u, (2, 8, 4), (2, 8, 8))[0].tolist() == [0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 0.5, 0.5]
    assert borders.carried(u, (2, 8, 4), (2, 32)) == ()
    assert borders.carried(u, (2, 8, 4), (2, 4, 8)) == ()
    merged = borders.merged([u, ()], [1.0, 3.0])[0]
    assert merged.tolist() == [0.875, 1.125, 1.125, 0.875]


def test_axes_as_long_as_sound_are_taken_without_borders() -> None:
    """A matrix of 50,000 × 50,000 taps would be 20 GB."""
    model = torch.nn.Sequential(torch.nn.Conv1d(2, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv1d(8, 4, 3, padding=1))
    layers = sg.plan(model, torch.randn(1, 2, 50_000)).layers
    assert [layer.q for layer in layers] == pytest.approx([1.0, 0.5], rel=0.02)
