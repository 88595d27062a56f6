"""Chains of Jacobians against autograd, the theory's spectra, and the model left alone."""

import copy
import math
import statistics

import pytest
import torch
from torch import nn

from steadygrad.errors import InputError, ModelError
from steadygrad.lab.plain import gaussian, plain
from steadygrad.measured import jacobian_chain
from steadygrad.measured.chain import log_ratio
from steadygrad.measured.links import Diagonal, Live, Matrix
from steadygrad.measured.singular import probed
from steadygrad.schemes import he_normal, lecun_normal, orthogonal
from steadygrad.theory import activations
from steadygrad.theory.jacobian_spectrum import jacobian_spectrum


class Residual(nn.Module):
    """x + f(x), in place at the end."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, padding=1, groups=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu_(x + self.conv(self.norm(x)))


NETWORKS = {
    "perceptron": (lambda: nn.Sequential(nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, 9, bias=False), nn.GELU(), nn.Linear(9, 3)), (4, 7)),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 3)), (3, 2, 11, 11),
    ),
    "residual": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3), Residual(4), Residual(4), nn.Flatten(), nn.Linear(36, 2)), (2, 2, 5, 5)),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose1d(2, 3, 3, stride=2), nn.PReLU(), nn.Conv1d(3, 1, 2)), (2, 2, 4)),
    "sequence": (lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.SiLU(), nn.Linear(6, 4), nn.GLU()), (2, 3, 4)),
    "normed": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 6)), nn.Softplus(), nn.Linear(6, 2)), (2, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_product_of_the_layers_is_the_jacobian(name: str) -> None:
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    model, x = make().double().eval(), gaussian(*shape, name="x", seed=0)
    before = copy.deepcopy(model.state_dict())
    chain = jacobian_chain(model, x, sample=1)
    whole = torch.eye(chain.layers[0].inputs, dtype=torch.float64)
    for layer in chain.layers:
        whole = layer.matrix() @ whole
    exact = torch.autograd.functional.jacobian(lambda v: model(torch.stack([x[0], v]))[1].flatten(), x[1]).flatten(1)
    assert torch.allclose(whole, exact, rtol=0, atol=1e-13 * max(1.0, float(exact.abs().max())))
    s = torch.linalg.svdvals(exact)
    assert chain.singular_values().logs.exp().tolist() == pytest.approx(s.tolist(), rel=1e-8, abs=1e-12)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items()) and not any(p.grad is not None for p in model.parameters())
    for layer in chain.layers:  # products with vectors agree with the matrix
        v, u = (gaussian(n, 3, name="v", seed=1) for n in (layer.inputs, layer.outputs))
        forth, back = v, u
        for link in layer.links:
            forth = link.forward(forth)
        for link in reversed(layer.links):
            back = link.backward(back)
        assert torch.allclose(forth, layer.matrix() @ v, atol=1e-11) and torch.allclose(back, layer.matrix().T @ u, atol=1e-11)


def test_live_links_multiply_without_a_matrix() -> None:
    x = gaussian(2, 3, 4, name="x", seed=0).requires_grad_(True)
    y = torch.sin(x.flatten(1)) @ gaussian(12, 5, name="w", seed=0)
    for sample in (None, 1):
        link, same = Live(x, y, sample), Live(x, y, sample)
        v, u = gaussian(link.inputs, 2, name="v", seed=1), gaussian(link.outputs, 300, name="u", seed=1)
        forth, back = link.forward(v), link.backward(u)
        assert torch.allclose(forth, same.matrix() @ v, atol=1e-12) and torch.allclose(back, same.matrix().T @ u, atol=1e-12)


def test_a_perceptron_needs_no_backward_pass_per_row() -> None:
    chain = jacobian_chain(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(), nn.Linear(4, 2)).eval(), torch.zeros(1, 3))
    assert [[type(link) for link in layer.links] for layer in chain.layers] == [[Matrix, Diagonal], [Matrix]]


def test_gradients_are_products_of_jacobians() -> None:
    model = plain([8, 16, 16, 16, 3], nn.Tanh, lecun_normal(), seed=0, dtype=torch.float64)
    x, y = gaussian(1, 8, name="x", seed=0), torch.tensor([2])
    chain = jacobian_chain(model, x)
    out = model(x)
    loss = nn.functional.cross_entropy(out, y)
    (cotangent,) = torch.autograd.grad(loss, out, retain_graph=True)
    loss.backward()
    made = chain.weight_gradients(cotangent)
    assert set(made) == {n for n, _ in model.named_parameters() if n.endswith("weight")}
    for name, gradient in made.items():
        exact = model.get_parameter(name).grad
        assert exact is not None and torch.allclose(gradient.value(), exact, rtol=0, atol=1e-15)
    inside = x.clone().requires_grad_(True)
    (exact,) = torch.autograd.grad(nn.functional.cross_entropy(model(inside), y), inside)
    assert torch.allclose(chain.gradients(cotangent)[0].value().flatten(), exact[0], rtol=0, atol=1e-15)


def test_six_hundred_layers_below_every_float() -> None:
    model = plain([4] * 601, nn.Identity, lecun_normal(), seed=0, gain=0.01)
    x = torch.ones(1, 4)
    logs = log_ratio(jacobian_chain(model, x), torch.ones(4))
    assert logs[0] < -1150 and all(b > a - 3 for a, b in zip(logs, logs[1:], strict=False))
    assert float(torch.autograd.grad(model(inside := x.clone().requires_grad_(True)).sum(), inside)[0].abs().max()) == 0.0


@pytest.mark.parametrize(("scheme", "is_orthogonal"), [(he_normal, False), (orthogonal, True)])
def test_spectra_agree_with_theory(scheme: object, is_orthogonal: bool) -> None:
    """Means over ten networks, within 4 of their standard errors and what is left at finite width: 5·L/n of each (`finite_width`)."""
    width, depth, networks = 64, 2, 10
    means, spreads = [], []
    for seed in range(networks):
        model = plain([width] * (depth + 1), nn.ReLU, scheme(), seed=seed, gain=math.sqrt(2.0), bias=False)  # type: ignore[operator]
        model.append(nn.ReLU())
        found = jacobian_chain(model, gaussian(1, width, name="x", seed=seed, dtype=torch.float32)).singular_values()
        means.append(math.exp(found.log_mean_square))
        spreads.append(found.relative_variance)
    expected = jacobian_spectrum(activations.get("relu"), 2.0, depth=depth, orthogonal=is_orthogonal)
    left = 5.0 * depth / width
    for seen, value in ((means, expected.mean), (spreads, expected.relative_variance)):
        error = statistics.stdev(seen) / math.sqrt(networks)
        assert error < 0.1 * value and abs(statistics.fmean(seen) - value) < 4.0 * error + left * value


def test_probes_are_unbiased_and_their_error_is_stated() -> None:
    model = plain([32] * 7, nn.Tanh, lecun_normal(), seed=0, dtype=torch.float64)
    chain = jacobian_chain(model, gaussian(1, 32, name="x", seed=0))
    exact = chain.singular_values()
    runs = [chain.probe(probes=16, steps=2, seed=s) for s in range(100)]
    relative = torch.tensor([math.exp(r.log_mean_square - exact.log_mean_square) - 1.0 for r in runs])
    assert abs(float(relative.mean())) < 4 * float(relative.std()) / 10.0
    # mean of squared t over 100 draws with 15 degrees of freedom: 15/13, standard deviation about 2/√100 of it
    t = torch.tensor([(math.exp(r.log_mean_square - exact.log_mean_square) - 1.0) / r.error for r in runs])
    assert 0.5 < float(t.square().mean()) < 2.5
    best = chain.probe(probes=8, steps=30).log_top
    assert best == pytest.approx(exact.log_top, abs=1e-6) and all(r.log_top <= exact.log_top + 1e-12 for r in runs)


def test_what_the_values_tell() -> None:
    chain = jacobian_chain(nn.Sequential(nn.Linear(6, 6, bias=False)).double(), torch.zeros(1, 6, dtype=torch.float64))
    model = nn.Sequential(nn.Linear(6, 6, bias=False)).double()
    nn.init.orthogonal_(model[0].weight, gain=3.0)
    found = jacobian_chain(model, torch.zeros(1, 6, dtype=torch.float64)).layers[0].singular_values()
    assert found.log_condition == pytest.approx(0.0, abs=1e-14) and found.effective_rank == pytest.approx(6.0)
    assert found.log_volume == pytest.approx(6 * math.log(3.0)) and found.relative_variance == pytest.approx(0.0, abs=1e-14)
    assert found.log_mean_square == pytest.approx(2 * math.log(3.0)) and chain.singular_values().outputs == 6


def test_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(InputError, match="`model` must be a torch.nn.Module, got function; wrap functions in a module"):
        jacobian_chain(lambda t: t, torch.randn(2, 3))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`sample` must be in 0 … 0.*got 3"):
        jacobian_chain(model, torch.zeros(1, 2), sample=3)
    chain = jacobian_chain(model, torch.zeros(1, 2))
    with pytest.raises(InputError, match=r"`cotangent` must have 2 entries.*\(5,\)"):
        chain.gradients(torch.zeros(5))
    with pytest.raises(InputError, match="`probes` must be at least 2"):
        chain.probe(probes=1)
    with pytest.raises(InputError, match="there must be a link"):
        probed([])
    with pytest.raises(ModelError, match="two places through which the whole signal passes"):
        jacobian_chain(nn.Identity(), torch.zeros(1, 2))
    monkeypatch.setattr("steadygrad.measured.chain.LARGEST", 3)
    with pytest.raises(InputError, match=r"at most 2\^26 entries.*`.probe\(\)`"):
        chain.layers[0].matrix()



def test_float32_spectra_by_the_gram_matrix() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(40, 24), nn.ReLU()), nn.Sequential(nn.Linear(24, 40), nn.Tanh())
    for net, x in zip(model, (torch.randn(1, 40), torch.randn(1, 24)), strict=True):
        layer = jacobian_chain(net, x).layers[0]
        exact = torch.linalg.svdvals(layer.matrix().double())
        found = layer.singular_values().logs.exp()
        known = exact > 1e-5 * exact[0]
        assert found[known].tolist() == pytest.approx(exact[known].tolist(), rel=24 * 2.0**-52 * 1e10) and float(found[~known].sum()) == 0.0
    assert bool((~known).any()) is False
