"""Weights that are computed from what is stored are drawn as the plain model's, and their scale is known where it is divided out."""

import copy
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

import steadygrad as sg
from steadygrad.planner.parametrized import found

X = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
Wrap = Callable[[nn.Module], nn.Module]


def old(wrap: Wrap) -> Wrap:
    def wrapped(module: nn.Module) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return wrap(module)

    return wrapped


class UnitRows(nn.Module):
    """Somebody's own: rows of length one."""

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        return v / v.norm(dim=1, keepdim=True)

    def right_inverse(self, w: torch.Tensor) -> torch.Tensor:
        return w


class Symmetric(nn.Module):
    """Without an inverse."""

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        return v.triu() + v.triu(1).T


def own(step: type[nn.Module]) -> Wrap:
    def wrapped(module: nn.Module) -> nn.Module:
        parametrize.register_parametrization(module, "weight", step())
        return module

    return wrapped


FREE = {"weight_norm": parametrizations.weight_norm, "old weight_norm": old(nn.utils.weight_norm)}
FIXED = {
    "spectral_norm": parametrizations.spectral_norm, "old spectral_norm": old(nn.utils.spectral_norm), "orthogonal": parametrizations.orthogonal,
    "cayley": lambda m: parametrizations.orthogonal(m, orthogonal_map="cayley"), "unit rows": own(UnitRows),
    "householder": lambda m: parametrizations.orthogonal(m, orthogonal_map="householder", use_trivialization=False),
}  # fmt: skip
CLOSED = {"symmetric": own(Symmetric), "matrix_exp": lambda m: parametrizations.orthogonal(m, use_trivialization=False)}


def net(wrap: Wrap = lambda module: module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(wrap(nn.Linear(64, 64)), nn.Tanh(), wrap(nn.Linear(64, 64)), nn.Tanh(), nn.Linear(64, 8))


@pytest.mark.parametrize("name", [*FREE, *FIXED, *CLOSED])
def test_predicted_and_measured_agree(name: str) -> None:
    """Orthogonal draws keep lengths but for what 64 rows of 64 numbers vary by, √2/64; normal ones vary by √(2/64)."""
    model = net({**FREE, **FIXED, **CLOSED}[name])
    before = {n: t.clone() for n, t in model.state_dict().items()}
    made = sg.plan(model, X)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    for layer in made.apply_(model).verify(model, X).layers[:2]:
        assert layer.q == pytest.approx(layer.measured_q, rel=3 * (2 / 64) ** 0.5), layer.where
    nature = next(iter(found(model).values())).nature()
    assert nature == ("free" if name in FREE else "fixed" if name in FIXED else "closed")
    assert bool(made.uncovered) == (name in CLOSED)


@pytest.mark.parametrize("name", FREE)
def test_numbers_are_those_of_the_plain_model(name: str) -> None:
    plain, wrapped = net(), net(FREE[name])
    schemes = {"overrides": {"^0.*weight": "he_normal", "^2.*weight": "glorot_uniform"}}
    sg.initialize_(plain, X, **schemes), sg.initialize_(wrapped, X, **schemes)
    plain(X), wrapped(X)  # the old hook computes the weight when the model runs
    for i in (0, 2):  # divided by a norm and multiplied by it again
        torch.testing.assert_close(wrapped[i].weight, plain[i].weight, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("name", ["spectral_norm", "old spectral_norm"])
def test_power_methods_have_found_the_new_weight(name: str) -> None:
    """In eval mode nothing iterates: singular vectors of the old weight would divide by a wrong norm."""
    model = net(FIXED[name])
    sg.initialize_(model, X)
    model.eval()(X)
    assert torch.linalg.matrix_norm(model[0].weight, 2).item() == pytest.approx(1.0, rel=1e-5)


def test_a_kept_tensor_keeps_the_whole_weight() -> None:
    model = net(parametrizations.weight_norm)
    model[0].parametrizations.weight.original1.requires_grad_(False)
    before = model[0].weight.clone()
    made = sg.initialize_(model, X)
    assert torch.equal(model[0].weight, before)
    assert {row.action for row in made.rows if row.name.startswith("0.parametrizations")} == {"keep"}


def test_offsets_are_taken_out_with_the_computed_weight() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Sigmoid(), parametrizations.weight_norm(nn.Linear(64, 64)), nn.Sigmoid(), nn.Linear(64, 8))
    sg.initialize_(model, X)
    torch.testing.assert_close(model[2].bias, -0.5 * model[2].weight.sum(1), rtol=0, atol=1e-5)


def test_on_meta_torchs_own_kinds_are_known() -> None:
    with torch.device("meta"):
        model = nn.Sequential(parametrizations.spectral_norm(nn.Linear(256, 512)), nn.ReLU(), parametrizations.weight_norm(nn.Linear(512, 8)))
    made = sg.plan(model)
    assert made.row("0.parametrizations.weight.original").after == pytest.approx(512**-0.5)
    assert made.row("2.parametrizations.weight.original0").after == pytest.approx((0.5 * 2 / 512 / (256 / 512)) ** 0.5, rel=1e-6)


def test_a_copy_of_the_model_is_enough() -> None:
    model = net(parametrizations.orthogonal)
    made, other = sg.plan(model, X), copy.deepcopy(model)
    made.apply_(model), made.apply_(other)
    assert torch.equal(model[0].weight, other[0].weight)


def test_overrides_are_seen_by_what_comes_after() -> None:
    made = sg.plan(net(), X, overrides={"^2.weight": sg.schemes.normal(0.5)})
    q = made.layers[1].q  # 0.25·64·E[tanh²] of unit signals
    assert q == pytest.approx(0.25 * 64 * 0.394, rel=0.1)
    every = sg.plan(net(), X, scheme=sg.schemes.normal(0.5))
    assert every.layers[0].q == pytest.approx(0.25 * 64, rel=0.05)
