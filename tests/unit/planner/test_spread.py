"""What counts as a signal: not the terms of a contraction that is written out, and not the powers of a forget factor."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.planner.rounding import rounding
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


class Expected(nn.Module):
    """The expectation of a symmetric function over a softmax, as D-FINE reads it from 33 bins (arXiv:2410.13842); uniform while logits are zero."""

    def __init__(self, logits: float) -> None:
        super().__init__()
        self.score, self.out = nn.Linear(WIDTH, 33), nn.Linear(1, WIDTH)
        self.values = nn.Parameter(torch.linspace(-2.0, 2.0, 33)[None], requires_grad=False)
        nn.init.constant_(self.score.bias, 0.0)
        nn.init.normal_(self.score.weight, std=logits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(nn.functional.linear(torch.softmax(self.score(x), -1), self.values))


def test_what_is_zero_but_for_rounding_does_not_count() -> None:
    """2·10⁻⁸ from 33 terms of 0.04: smaller than they are known; as large as the logits make it once these are not zero."""
    torch.manual_seed(0)
    seen = observe(Expected(0.0), batch())
    expected = next(n.index for n in seen.graph.nodes if n.op == "linear" and n.outputs[0].shape[-1] == 1)
    assert 0.0 < seen.signals[expected].moments.q < 1e-14 and rounding(seen) == {expected}
    assert activation_spread(seen) == 1.0
    small = observe(Expected(1e-5), batch())
    assert not rounding(small) and activation_spread(small) > 2.0


class Best(nn.Module):
    """The three largest attention weights of each row beside their mean (the quality estimate of D-FINE)."""

    def __init__(self) -> None:
        super().__init__()
        self.score, self.out = nn.Linear(WIDTH, LENGTH), nn.Linear(4, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        best = torch.softmax(self.score(x), -1).topk(3, -1).values
        return self.out(torch.cat([best, best.mean(-1, keepdim=True)], -1))


def test_attention_weights_side_by_side_do_not_count() -> None:
    seen = observe(Best(), batch())
    assert [seen.graph.nodes[i].op for i in signals(seen.graph)] == ["linear"]


class Delta(nn.Module):
    """What queries of unit length read from a sum of keys of unit length times gated values, normed (Gated DeltaNet, arXiv:2412.06464), or not."""

    def __init__(self, normed: bool) -> None:
        super().__init__()
        self.query, self.key, self.value, self.gate, self.out = (nn.Linear(WIDTH, size) for size in (WIDTH, WIDTH, WIDTH, 1, WIDTH))
        self.normed = normed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key = nn.functional.normalize(self.query(x), dim=-1) * WIDTH**-0.5, nn.functional.normalize(self.key(x), dim=-1)
        written = key * torch.sigmoid(self.gate(x))
        state = written.transpose(1, 2) @ self.value(x) / LENGTH**0.5
        read = query @ state + query @ state.roll(1, 0)
        if self.normed:
            read = read * torch.rsqrt(read.square().mean(-1, keepdim=True) + 1e-6)
        return self.out(read)


def test_what_unit_vectors_make_without_weights_does_not_count_where_a_norm_undoes_it() -> None:
    """1/32 of the values, and so whatever the weights are; without the norm it is a signal as small as it is."""
    torch.manual_seed(0)
    normed, plain = (observe(Delta(how), batch()) for how in (True, False))
    counted = [{seen.graph.nodes[i].op for i in signals(seen.graph)} for seen in (normed, plain)]
    assert counted == [{"linear", "sigmoid", "rms_norm"}, {"linear", "sigmoid", "add"}]
    assert activation_spread(plain) > 15.0 and activation_spread(normed) < 3.0
