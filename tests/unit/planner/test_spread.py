"""What counts as a signal: not the terms of a contraction that is written out, and not the powers of a forget factor."""

import pytest
import torch
from torch import nn

from steadygrad.planner.spread import activation_spread, signals
from steadygrad.planner.verification import observe

WIDTH, LENGTH = 32, 64


class Context(nn.Module):
    """Attention as a product and a sum (MobileViTv2, arXiv:2206.02680), the same by a matrix product, or a product that is not summed."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.score, self.key, self.out, self.how = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights, keys = torch.softmax(self.score(x), 1), self.key(x)
        if self.how == "matmul":
            return self.out(weights.transpose(1, 2) @ keys)
        terms = weights * keys
        return self.out(terms.sum(1) if self.how == "sum" else terms)


def batch() -> torch.Tensor:
    return torch.randn(8, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))


def spread(how: str) -> float:
    torch.manual_seed(0)
    return activation_spread(observe(Context(how), batch()))


def test_terms_of_a_contraction_do_not_count() -> None:
    """They are 1/64 of a key; attention by a matrix product never shows them."""
    assert spread("sum") == pytest.approx(spread("matmul"), rel=1e-4)
    assert spread("terms") > 10.0 * spread("sum")  # read by a weight they are a signal


class Mixed(nn.Module):
    """Two kinds of attention weights, mixed and normalized again (ConViT, arXiv:2103.10697)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.value = nn.Linear(WIDTH, LENGTH), nn.Linear(WIDTH, LENGTH), nn.Linear(WIDTH, WIDTH)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.gate)
        weights = (1.0 - gate) * torch.softmax(self.one(x), -1) + gate * torch.softmax(self.other(x), -1)
        return (weights / weights.sum(-1, keepdim=True)) @ self.value(x)


def test_attention_weights_do_not_count() -> None:
    seen = observe(Mixed(), batch())
    left = [seen.graph.nodes[i].op for i in signals(seen.graph)]
    assert left == ["linear"] * 3


class Forgetting(nn.Module):
    """A sum over the past with weights exp(−distance·rate), written out."""

    def __init__(self) -> None:
        super().__init__()
        self.rate, self.value, self.out = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        log = -nn.functional.softplus(self.rate(x)).cumsum(1)
        between = (log - log.transpose(1, 2)).tril()
        return self.out((between.exp().unsqueeze(-1) * self.value(x).unsqueeze(1)).sum(2))


def test_exponents_of_forgetting_and_what_they_multiply_do_not_count() -> None:
    seen = observe(Forgetting(), batch())
    left = [seen.graph.nodes[i].op for i in signals(seen.graph)]
    assert "sub" not in left and "exp" not in left and "mul" not in left
    assert left.count("linear") == 2 and "softplus" in left


def test_what_no_parameter_made_does_not_count() -> None:
    """The number of valid positions is 64 times a mask, whatever the weights are."""

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            valid = torch.cat([x[..., :1].abs() + 1e3, x[..., :1].abs()], -1)
            return self.out(self.value(x) + 1e-6 * valid.sum(-1, keepdim=True))

    seen = observe(Pooled(), batch())
    assert "cat" not in [seen.graph.nodes[i].op for i in signals(seen.graph)]
    assert activation_spread(seen) < 10.0
