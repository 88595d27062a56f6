"""Tables that are also the output layer, tables the model multiplies, learned queries, and vectors of unit length."""

import math

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.planner.ends import leaves
from steadygrad.planner.spread import activation_spread, signals
from steadygrad.planner.verification import observe

WIDTH, WORDS = 64, 50


class Norm(nn.Module):
    """RMSNorm as language models write it out."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Tied(nn.Module):
    """Words and positions, one block, a norm, and the words again."""

    def __init__(self, norm: nn.Module, factor: float = 1.0) -> None:
        super().__init__()
        self.words, self.places, self.factor = nn.Embedding(WORDS, WIDTH), nn.Embedding(16, WIDTH), factor
        self.first, self.block, self.last = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), norm

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.words(ids) * self.factor if self.factor != 1.0 else self.words(ids)
        x = x + self.places(torch.arange(ids.shape[1]))
        x = x + torch.tanh(self.block(self.first(x)))
        return self.last(x) @ self.words.weight.T


def ids() -> torch.Tensor:
    return torch.randint(0, WORDS, (8, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("norm", [nn.LayerNorm(WIDTH), Norm()], ids=["fused", "written"])
def test_a_tied_table_and_the_norm_before_the_head_meet_halfway(norm: nn.Module) -> None:
    """Both at width^(−1/4), positions as large as words, and logits of rms r·s·√width = 1 within the k·σ of 64·50 of them."""
    net = Tied(norm)
    plan = sg.plan(net, ids())
    half = WIDTH**-0.25
    assert plan.row("words.weight").after == pytest.approx(half, rel=1e-6)
    assert plan.row("last.weight").after == pytest.approx(half, rel=1e-6)
    assert plan.row("places.weight").after == pytest.approx(half, rel=1e-6)
    plan.apply_(net)
    q = float(net(ids()).detach().square().mean())
    assert q == pytest.approx(1.0, abs=6.0 * math.sqrt(2.0 / WORDS))  # 50 independent rows; the words themselves come back a little


def test_a_table_that_the_model_multiplies_gives_rows_of_unit_size() -> None:
    net = Tied(nn.LayerNorm(WIDTH), WIDTH**0.5)
    plan = sg.plan(net, ids())
    assert plan.row("words.weight").after == pytest.approx(WIDTH**-0.5)
    assert plan.row("last.weight").after == 1.0


class Pooled(nn.Module):
    """A learned query that pools by attention, and a unit vector of what it finds."""

    def __init__(self, written: bool = False) -> None:
        super().__init__()
        self.written, self.query = written, nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.q, self.kv, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        k, v = self.kv(x).chunk(2, -1)
        found = nn.functional.scaled_dot_product_attention(self.q(self.query.expand(len(x), -1, -1)), k, v)[:, 0]
        return self.head(found / found.norm(dim=-1, keepdim=True) if self.written else nn.functional.normalize(found, dim=-1))


def test_learned_queries_are_of_unit_size() -> None:
    net, x = Pooled(), torch.randn(8, 10, WIDTH, generator=torch.Generator().manual_seed(0))
    plan = sg.plan(net, x)
    assert plan.row("query").after == pytest.approx(1.0)
    layer = next(layer for layer in plan.layers if layer.where == "q (linear)")
    plan.apply_(net)
    measured = float(net.q(net.query).detach().square().mean())
    assert layer.q == pytest.approx(WIDTH * plan.row("q.weight").after ** 2)
    assert measured == pytest.approx(layer.q, rel=6.0 * math.sqrt(4.0 / WIDTH))  # 64 entries of one vector, and its length


@pytest.mark.parametrize("written", [False, True])
def test_vectors_of_unit_length_do_not_count(written: bool) -> None:
    seen = observe(Pooled(written), torch.ones(4, 10, WIDTH))
    made = [n.index for n in seen.graph.nodes if n.op in ("normalize", "div")]
    assert made and not set(made) & set(signals(seen.graph))
    assert activation_spread(seen) >= 1.0


def test_gradients_enter_at_logits_and_not_at_hidden_states() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = self.body(x)
            return self.head(hidden), hidden

    graph = observe(Both(), torch.ones(4, WIDTH)).graph
    assert [graph.nodes[i].where for i in leaves(graph)] == ["head"]
    assert len(graph.outputs) == 2
