"""The compiled chain against its definition and against autograd, at every instruction level, with threads and with compensation."""

import math

import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.lab.chain import Chain
from steadygrad.lab.chain import chain as module
from steadygrad.lab.chain.loader import load

LAYERS, WIDTH, BATCH = 300, 32, 32  # more layers than one segment
RATES = (0.01, 0.02, 0.9)


def network(layers: int = LAYERS) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    weights = torch.linalg.qr(torch.randn(layers, WIDTH, WIDTH, generator=g)).Q.contiguous()
    return weights, torch.randn(layers, WIDTH, generator=g) * 0.01, torch.randn(BATCH, WIDTH, generator=g) * 0.05


def three_steps(**how: object) -> list[torch.Tensor]:
    weights, biases, x = network()
    chain = Chain(weights, biases, BATCH, **how)  # type: ignore[arg-type]
    for _ in range(3):
        out = chain.forward(x)
        below = chain.step(out * 0.01, *RATES)
    return [out, below, chain.weights, chain.biases, chain.squares]


@pytest.mark.parametrize("compensated", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_compiled_equals_definition(level: int, threads: int, compensated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    native = load()
    if native is None:
        pytest.skip("not compiled")
    best = native.prepare(level)  # type: ignore[attr-defined]
    try:
        found = three_steps(threads=threads, compensated=compensated)
    finally:
        native.prepare(2)  # type: ignore[attr-defined]
    assert best <= level
    monkeypatch.setattr(module, "native", None)
    # sums of 32 products in another order: eps·√32 a layer, adding up as a walk over 3·300 layers twice through
    bound = 1.2e-7 * math.sqrt(32 * 2 * 3 * LAYERS)
    for one, other in zip(found, three_steps(compensated=compensated), strict=True):
        assert float((one - other).norm() / other.norm()) < bound


def test_steps_equal_autograd_and_torchs_sgd() -> None:
    weights, biases, x = network(5)
    parameters = [torch.nn.Parameter(t.clone()) for pair in zip(weights, biases, strict=True) for t in pair]
    optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9)
    chain = Chain(weights, biases, BATCH)
    bound = 1.2e-7 * math.sqrt(32 * 2 * 4 * 5)  # as above, 4 steps of 5 layers
    for _ in range(4):
        out = chain.forward(x)
        h = start = x.clone().requires_grad_()
        for w, b in zip(parameters[::2], parameters[1::2], strict=True):
            h = torch.tanh(torch.nn.functional.linear(h, w, b))
        optimizer.zero_grad()
        (h.square().sum() * 0.5).backward()
        below = chain.step(out, 0.05, 0.05, 0.9)
        assert start.grad is not None
        optimizer.step()
        squares = torch.stack([w.grad.double().square().sum() for w in parameters[::2] if w.grad is not None])
        pairs = [(out, h.detach()), (below, start.grad), (chain.squares.sqrt(), squares.sqrt())]
        for one, other in [*pairs, (chain.weights, torch.stack(parameters[::2]).detach()), (chain.biases, torch.stack(parameters[1::2]).detach())]:
            assert float((one - other).norm() / other.norm()) < bound


@pytest.mark.parametrize("compiled", [True, False])
def test_compensation_keeps_what_rounding_takes(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights near 1 have a last place of 1.2e-7: a thousand updates of 1e-9 move them only when what rounding takes is kept."""
    if not compiled:
        monkeypatch.setattr(module, "native", None)
    moved = {}
    for compensated in (False, True):
        chain = Chain(torch.ones(1, 16, 16), torch.zeros(1, 16), 16, compensated=compensated)
        x = torch.full((16, 16), 1e-3)
        for _ in range(1000):
            chain.forward(x)
            chain.step(torch.ones(16, 16), 6.25e-8, 0.0, 0.0)  # gradient 16·1e-3 a weight: an update of 1e-9
        moved[compensated] = float(1.0 - chain.weights.double().mean())
    assert moved[False] == 0.0
    assert moved[True] == pytest.approx(1e-6, rel=0.13)  # last place 6e-8 below one: 6 % of 1e-6, and tanh′ ≥ 0.9997


def test_fewer_rows_than_a_batch() -> None:
    weights, biases, x = network(4)
    chain = Chain(weights, biases, BATCH)
    whole = chain.forward(x)
    assert torch.equal(chain.forward(x[:5]), whole[:5])


def test_without_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYGRAD_KERNELS", "0")
    assert load() is None


@pytest.mark.parametrize(
    ("weights", "biases", "batch"),
    [
        (torch.zeros(2, 16, 8), torch.zeros(2, 16), 16),
        (torch.zeros(3, 16, 16), torch.zeros(2, 16), 16),
        (torch.zeros(2, 24, 24), torch.zeros(2, 24), 16),
        (torch.zeros(2, 16, 16), torch.zeros(2, 16), 20),
        (torch.zeros(2, 16, 16, dtype=torch.float64), torch.zeros(2, 16), 16),
    ],
)
def test_shapes_that_do_not_fit(weights: torch.Tensor, biases: torch.Tensor, batch: int) -> None:
    with pytest.raises(InputError, match="a chain must have float32 weights"):
        Chain(weights, biases, batch)
