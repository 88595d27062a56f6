"""Sharpness against the whole Hessian by plain autograd, and against theory of the iterations it limits."""

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.curvature import Curvature
from steadygrad.probes.experiments.lanczos import lanczos, random_signs
from steadygrad.probes.experiments.stability import stability
from steadygrad.rules.specimens import classification, mlp, regression


def hessian(case: Case) -> torch.Tensor:
    """The whole matrix, parameter by parameter, the plain way."""
    names, values = zip(*case.model.named_parameters(), strict=True)

    def loss(*weights: torch.Tensor) -> torch.Tensor:
        return case.loss_fn(torch.func.functional_call(case.model, dict(zip(names, weights, strict=True)), case.inputs), case.targets)

    rows = torch.autograd.functional.hessian(loss, tuple(v.detach() for v in values))
    return torch.cat([torch.cat([h.reshape(a.numel(), b.numel()) for h, b in zip(row, values, strict=True)], 1) for row, a in zip(rows, values, strict=True)])


def gradient(case: Case) -> torch.Tensor:
    loss = case.loss_fn(case.model(case.inputs), case.targets)
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(case.model.parameters()))])


def curvature(case: Case) -> Curvature:
    return observe(case, depth="full").experiments["curvature"]


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_it_is_the_largest_eigenvalue(activation: type[nn.Module]) -> None:
    case = classification(mlp(16, 24, 4, activation=activation))
    found, matrix = curvature(case), hessian(case)
    eigenvalues = torch.linalg.eigvalsh(matrix)
    # a Ritz value is never above the largest eigenvalue, and within its own error bound of some eigenvalue
    assert found.sharpness <= float(eigenvalues[-1]) * (1 + 1e-4)
    assert float((eigenvalues - found.sharpness).abs().min()) <= found.error + 1e-4 * found.sharpness
    assert found.sharpness == pytest.approx(float(eigenvalues[-1]), rel=0.1)
    assert found.lowest >= float(eigenvalues[0]) * (1 + 1e-4)
    g = gradient(case)
    assert found.along_gradient == pytest.approx(float(g @ matrix @ g / (g @ g)), rel=1e-4)
    assert found.gradient_norm == pytest.approx(float(g.norm()), rel=1e-5)
    assert found.stable_rate == pytest.approx(2.0 / found.sharpness) and found.method == "double backward"


class OnceOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y * y)


class OnceOnlyTanh(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return OnceOnly.apply(x)


def test_without_a_second_derivative_it_takes_differences_and_says_so() -> None:
    found = curvature(classification(mlp(16, 24, 4, activation=OnceOnlyTanh)))
    exact = curvature(classification(mlp(16, 24, 4, activation=nn.Tanh)))
    assert found.method.startswith("differences of gradients at distance")
    # truncation and rounding are both of order ε^(2/3) = 2e-5 of third derivatives and gradients; these are of order ten
    assert found.sharpness == pytest.approx(exact.sharpness, rel=0.1)
    assert found.along_gradient == pytest.approx(exact.along_gradient, rel=1e-2)


@pytest.mark.parametrize(
    ("options", "limit"), [({}, 2.0), ({"momentum": 0.9}, 3.8), ({"momentum": 0.9, "nesterov": True}, 3.8 / 2.8), ({"momentum": 0.5, "dampening": 0.5}, 3.0)]
)
def test_the_limit_is_where_the_optimizer_starts_to_diverge(options: dict, limit: float) -> None:
    w = nn.Parameter(torch.ones(1, dtype=torch.float64))
    known = stability(torch.optim.SGD([w], lr=1.0, **options), [w])
    assert known is not None and known.limit == pytest.approx(limit)
    for factor, grows in ((0.98, False), (1.02, True)):
        rate = factor * limit / known.rates[0]  # curvature 1: L = w²/2
        optimizer = torch.optim.SGD([w], lr=rate, **options)
        w.data.fill_(1.0)
        for _ in range(2000):
            w.grad = w.detach().clone()
            optimizer.step()
        assert (abs(float(w.detach())) > 1.0) == grows


def test_adam_is_judged_by_its_own_preconditioner() -> None:
    net = mlp(16, 12, 4, activation=nn.Tanh)
    case = classification(net, optimizer=torch.optim.Adam(net.parameters(), lr=1e-3))
    assert curvature(case).rate_sharpness is None  # the square of one gradient is no preconditioner
    for _ in range(30):
        case.optimizer.zero_grad()
        case.loss_fn(net(case.inputs), case.targets).backward()
        case.optimizer.step()
    found = curvature(case)
    seen = 1 - 0.999**30
    scale = torch.cat([(1e-3 / ((case.optimizer.state[p]["exp_avg_sq"] / seen).sqrt() + 1e-8)).flatten() for p in net.parameters()])
    exact = torch.linalg.eigvalsh(scale.sqrt()[:, None] * hessian(case) * scale.sqrt())[-1]
    assert found.limit == pytest.approx(38.0) and found.rate_sharpness == pytest.approx(float(exact), rel=0.1)


def test_a_line_has_no_curvature() -> None:
    case = regression(nn.Linear(16, 1))
    linear = Case(case.model, case.inputs, case.targets, lambda y, t: y.mean())
    assert curvature(linear).sharpness == 0.0


@pytest.mark.parametrize("seed", [0, 1])
def test_lanczos_knows_the_mean_and_the_mean_square(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(400, 400, generator=generator, dtype=torch.float64)
    a = a @ a.T / 400
    runs = [lanczos(lambda v: a @ v, random_signs(a[0], k), 1) for k in range(50)]
    # Var[vᵀAv/n] = 2Σ_{i≠j}A²/n² for signs; five sigma of the mean of fifty
    sigma = (2 * float(a.square().sum()) / 400**2 / 50) ** 0.5
    assert sum(r.first for r in runs) / 50 == pytest.approx(float(a.trace()) / 400, abs=5 * sigma)
    square = a @ a
    sigma = (2 * float(square.square().sum()) / 400**2 / 50) ** 0.5
    assert sum(r.second for r in runs) / 50 == pytest.approx(float(square.trace()) / 400, abs=5 * sigma)
    found = lanczos(lambda v: a @ v, random_signs(a[0], 0), 60, 1e-3)
    assert found.top == pytest.approx(float(torch.linalg.eigvalsh(a)[-1]), rel=1e-3)
