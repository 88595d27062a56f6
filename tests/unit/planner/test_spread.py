"""What counts as a signal: not the terms of a contraction that is written out, and not the powers of a forget factor."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.planner.spread import activation_spread, matrices, signals
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


class Scaled(nn.Module):
    """A stem that the model multiplies by 16 on its way into the stream, and branches that it halves (Conformer, arXiv:2005.08100)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.branch, self.out = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = 16.0 * self.stem(x)
        return self.out(x + 0.5 * self.branch(self.norm(x)))


def test_what_a_weight_adds_to_a_stream_counts_as_the_model_multiplies_it() -> None:
    """16·W and W of 16 times the size are one function; so are they to a plan, whose stream starts at unit size."""
    net = Scaled()
    seen = observe(net, batch())
    factors = {seen.graph.nodes[i].where: factor for i, factor in signals(seen.graph).items() if seen.graph.nodes[i].op == "linear"}
    assert factors == {"stem": 256.0, "branch": 0.25}
    made = sg.initialize_(net, batch()).verify(net, batch())
    assert made.activation_spread < 2.0


def test_squares_of_a_norm_do_not_count() -> None:
    class Norm(nn.Module):
        def __init__(self, square: bool) -> None:
            super().__init__()
            self.first, self.last, self.square = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), square

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = 100.0 * torch.relu(self.first(x))
            return self.last(x * torch.rsqrt((x.square() if self.square else x.pow(2)).mean(-1, keepdim=True) + 1e-6))

    spreads = []
    for square in (True, False):
        torch.manual_seed(0)
        spreads.append(activation_spread(observe(Norm(square), batch())))
    assert spreads[0] == pytest.approx(spreads[1])


class Positioned(nn.Module):
    """A branch that starts silent, whose attention a small network of relative positions steers (Swin v2, arXiv:2111.09883)."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.qkv, self.positions, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)), nn.Linear(WIDTH, WIDTH)
        self.scale, self.head = nn.Parameter(torch.full((WIDTH,), scale)), nn.Linear(WIDTH, 4)
        self.register_buffer("grid", torch.randn(LENGTH, LENGTH, 2, generator=torch.Generator().manual_seed(1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        bias = self.positions(self.grid).squeeze(-1)
        return self.head(x + self.scale * self.out(nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)))


def test_what_steers_a_silent_branch_is_on_it() -> None:
    assert matrices(observe(Positioned(1e-6), batch())) == {"head.weight"}
    assert "positions.0.weight" in matrices(observe(Positioned(0.1), batch()))
