"""What every layer-wise optimizer must do: its formula, scale, zero norms, state, schedulers, closures, exclusions."""

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn

from steadygrad.optim import AGC, LAMB, LARC, LARS


def sgd(params, lr=0.5, **k):
    return torch.optim.SGD(params, lr=lr, momentum=0.9, weight_decay=0.01, **k)


CASES = {
    "lars": lambda params, lr=0.5: LARS(params, lr, weight_decay=0.01),
    "lars-nesterov": lambda params, lr=0.5: LARS(params, lr, weight_decay=0.01, nesterov=True),
    "lamb": lambda params, lr=0.5: LAMB(params, lr),
    "larc": lambda params, lr=0.5: wrapped(LARC, params, lr),
    "larc-scale": lambda params, lr=0.5: wrapped(LARC, params, lr, clip=False),
    "agc": lambda params, lr=0.5: wrapped(AGC, params, lr),
    "agc-tensor": lambda params, lr=0.5: wrapped(AGC, params, lr, per="tensor"),
}
EVERY = pytest.mark.parametrize("build", CASES.values(), ids=CASES)


def wrapped(kind, params, lr, **settings):
    optimizer = sgd(params, lr)
    optimizer.around = kind(optimizer, **settings)
    return optimizer


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.BatchNorm1d(5), nn.Linear(5, 3)).double()


X = torch.randn(16, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.randint(0, 3, (16,), generator=torch.Generator().manual_seed(2))


def loss_of(net: nn.Module) -> torch.Tensor:
    return nn.functional.cross_entropy(net(X), Y)


def train(net: nn.Module, optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(net)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def norm(a: np.ndarray) -> float:
    return float(np.sqrt(np.sum(a * a)))


def ratio(w: float, u: float) -> float:
    return w / u if w > 0 and u > 0 else 1.0


class Formula:
    """Each update in NumPy, parameter by parameter; `state` per parameter."""

    def __init__(self, kind: str, lr: float) -> None:
        self.kind, self.lr, self.state = kind, lr, {}

    def step(self, name: str, w: np.ndarray, g: np.ndarray) -> np.ndarray:
        s = self.state.setdefault(name, {"v": np.zeros_like(w), "m": np.zeros_like(w), "t": 0})
        lr, decay = self.lr, 0.01
        if self.kind.startswith("lars"):
            lam = 0.001 * norm(w) / (norm(g) + decay * norm(w)) if w.ndim > 1 and norm(w) > 0 and norm(g) > 0 else 1.0
            s["v"] = 0.9 * s["v"] + lr * lam * (g + decay * w)
            return w - (0.9 * s["v"] + lr * lam * (g + decay * w) if "nesterov" in self.kind else s["v"])
        if self.kind == "lamb":
            s["t"] += 1
            s["m"], s["v"] = 0.9 * s["m"] + 0.1 * g, 0.999 * s["v"] + 0.001 * g * g
            r = (s["m"] / (1 - 0.9 ** s["t"])) / (np.sqrt(s["v"] / (1 - 0.999 ** s["t"])) + 1e-6) + decay * w
            return w - lr * (ratio(norm(w), norm(r)) if w.ndim > 1 else 1.0) * r
        d = g + decay * w
        if self.kind.startswith("larc"):
            lam = 0.02 * norm(w) / (norm(g) + decay * norm(w) + 1e-8) if norm(w) > 0 and norm(g) > 0 else None
            rho = 1.0 if lam is None else lam if "scale" in self.kind else min(lam / lr, 1.0)
            d = rho * d
        else:
            unit = self.kind == "agc" and w.ndim > 1
            axes = tuple(range(1, w.ndim)) if unit else None
            ws, gs = (np.sqrt(np.sum(a * a, axes, keepdims=True)) for a in (w, g))
            d = g * np.minimum(1, 0.01 * np.maximum(ws, 1e-3) / np.maximum(gs, 1e-300)) + decay * w
        s["v"] = 0.9 * s["v"] + d
        return w - lr * s["v"]


@pytest.mark.parametrize("kind", CASES)
def test_parity_with_the_formula(kind: str) -> None:
    net = network()
    optimizer, formula = CASES[kind](net.parameters()), Formula(kind, 0.5)
    for _ in range(6):
        optimizer.zero_grad()
        loss_of(net).backward()
        expected = {n: formula.step(n, p.detach().numpy().copy(), p.grad.numpy().copy()) for n, p in net.named_parameters()}
        optimizer.step()
        for name, p in net.named_parameters():
            np.testing.assert_allclose(p.detach().numpy(), expected[name], rtol=1e-11, atol=1e-13, err_msg=name)


@EVERY
def test_step_does_not_grow_with_the_gradient(build) -> None:
    """Where gradients are large against weights, a thousand times larger ones give the same step (without decay)."""
    steps = []
    for scale in (1e3, 1e6):
        p = nn.Parameter(torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
        before = p.detach().clone()
        optimizer = build([{"params": [p], "weight_decay": 0.0}])
        p.grad = scale * torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        optimizer.step()
        steps.append(p.detach() - before)
    # LAMB's eps is 1e-6 beside √v̂ ≥ 1
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-5, atol=1e-12)


@EVERY
def test_zero_weights_zero_gradients_and_nan(build) -> None:
    """A zero gain must be able to leave zero; a zero gradient moves nothing and gives no NaN."""
    zero, still, none = (nn.Parameter(torch.full((3, 2), v)) for v in (0.0, 1.0, 2.0))
    optimizer = build([{"params": [zero, still, none], "weight_decay": 0.0}])
    zero.grad, still.grad = torch.ones(3, 2), torch.zeros(3, 2)
    optimizer.step()
    assert (zero < 0).all() and torch.equal(still, torch.ones(3, 2)) and torch.equal(none, torch.full((3, 2), 2.0))
    zero.grad = torch.zeros(3, 2)
    with torch.no_grad():
        zero.zero_()
    optimizer.step()
    assert zero.isfinite().all()


@EVERY
def test_state_round_trip_resumes_bit_for_bit(build) -> None:
    straight, net = network(), network()
    a, b = build(straight.parameters()), build(net.parameters())
    train(straight, a, 3), train(net, b, 3)
    file = io.BytesIO()
    torch.save({"net": net.state_dict(), "optimizer": b.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed = network()
    c = build(resumed.parameters())
    resumed.load_state_dict(saved["net"]), c.load_state_dict(saved["optimizer"])
    assert train(straight, a, 3) == train(resumed, c, 3)


@EVERY
def test_scheduler_reaches_the_step(build) -> None:
    net = network()
    optimizer = build(net.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.0 if epoch else 1.0)
    train(net, optimizer, 1)
    scheduler.step()
    for state in optimizer.state.values():  # LARS's velocity holds the old rate
        for name in ("momentum_buffer",):
            if name in state:
                state[name].zero_()
    before = copy.deepcopy(net.state_dict())
    train(net, optimizer, 1)
    for name, p in net.named_parameters():
        assert torch.equal(p, before[name])


@EVERY
def test_closure_is_evaluated_once_and_its_loss_returned(build) -> None:
    by_hand, by_closure = network(), network()
    train(by_hand, build(by_hand.parameters()), 2)
    optimizer, calls = build(by_closure.parameters()), []

    def closure():
        optimizer.zero_grad()
        loss = loss_of(by_closure)
        loss.backward()
        calls.append(float(loss.detach()))
        return loss

    returned = [optimizer.step(closure).item() for _ in range(2)]
    assert returned == calls and len(calls) == 2
    for p, q in zip(by_hand.parameters(), by_closure.parameters(), strict=True):
        assert torch.equal(p, q)


@EVERY
def test_it_trains(build) -> None:
    net = network()
    # AGC and LARC's bounds are per step; 60 steps move each layer by its own norm and more
    losses = train(net, build(net.parameters(), 0.1), 60)
    assert losses[-1] < 0.9 * losses[0]
