"""What ops do to moments, in small networks: a plan predicts what a run of it shows."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import steadygrad as sg
from steadygrad.graph.flow import Walk
from steadygrad.planner.sight import see
from steadygrad.planner.study import Study
from steadygrad.probes.evidence import Evidence

WIDTH, LENGTH, CODES = 64, 16, 32


def batch() -> torch.Tensor:
    return torch.randn(32, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))


def checked(net: nn.Module) -> sg.planner.verification.Verification:
    return sg.initialize_(net, batch()).verify(net, batch())


def designed(net: nn.Module) -> Study:
    """With what theory says alone, before anything is measured again."""
    made = Study(net, see(net, batch()), batch(), {}, {})
    made.design.finish()
    return made


class Masked(nn.Module):
    """Attention whose mask a network makes, added to the logits in one op with the product (Mask2Former)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.where = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, LENGTH)
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        for layer in (self.query, self.key):
            nn.init.normal_(layer.weight, std=2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        shut = torch.sigmoid(self.where(x))
        mask = shut.masked_fill(shut < 0.3, float("-inf"))
        logits = torch.baddbmm(mask, self.query(x), self.key(x).transpose(1, 2), alpha=WIDTH**-0.5)
        return self.out(torch.softmax(logits, -1) @ self.value(x))


def test_what_is_added_to_logits_takes_nothing_from_queries_and_keys() -> None:
    """Logits of unit size: 64 products of unit signals, times 1/√64."""
    made = designed(Masked())
    assert made.design.moments["query.weight"] == pytest.approx(made.design.moments["key.weight"]) == pytest.approx(1.0 / WIDTH, rel=0.01)
    assert made.design.moments["where.weight"] == pytest.approx(1.0 / WIDTH, rel=0.01)


def followed(net: nn.Module, ops: tuple[str, ...]) -> tuple[Walk, Evidence]:
    """The plan's walk and a run of `net`, whose results of these ops agree."""
    made = designed(net)
    walk, seen = made.design.finish_as_is(), made.run(net, batch(), 0)
    for node in seen.graph.nodes:
        if node.op in ops:
            assert walk.signals[node.index].value == pytest.approx(seen.signals[node.index].moments.q, rel=0.3), node.label
    return walk, seen


class Quantized(nn.Module):
    """One row of a codebook, chosen by a hard Gumbel softmax and gathered by a product and a sum behind views (wav2vec 2.0)."""

    def __init__(self) -> None:
        super().__init__()
        self.choice, self.codes = nn.Linear(WIDTH, CODES), nn.Parameter(torch.randn(1, CODES, WIDTH))
        self.norm, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 8)
        nn.init.normal_(self.choice.weight, std=5.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = F.gumbel_softmax(self.choice(self.norm(x)).reshape(-1, CODES), tau=2.0, hard=True)
        return self.out((one.unsqueeze(-1) * self.codes).view(-1, CODES, WIDTH).sum(-2))


def test_a_row_that_is_chosen_at_random_keeps_its_size() -> None:
    """One of 32 entries is 1 at whatever scale of the logits; the sum over 32 rows is one of them, and hands each of them its gradient."""
    walk, seen = followed(Quantized(), ("gumbel_softmax", "mul", "sum", "linear"))
    made_by = {node.op: node.index for node in seen.graph.nodes}
    scale = float(walk.gradients[made_by["sum"]].g[0])
    assert float(walk.gradients[made_by["mul"]].g[0]) == pytest.approx(scale, rel=1e-9)


class Normed(nn.Module):
    """The norm behind the weight instead of before it, Wx/rms(x), of an x that is large as it comes (hyper-connections)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.weight, self.norm, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 8)
        nn.init.normal_(self.stem.weight, std=10.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.out(self.norm(self.weight(x) * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-12)))


def test_a_power_of_a_mean_square_is_that_of_the_moment() -> None:
    followed(Normed(), ("square", "mean", "rsqrt", "mul"))


class Routed(nn.Module):
    """The largest of the scores of a router, taken by index, on what every expert makes (mixtures of experts)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.router, self.experts, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4), nn.Linear(WIDTH, 4), nn.Linear(2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        chosen = torch.topk(self.router(x), 2, -1).indices
        return self.out(torch.gather(self.experts(x), -1, chosen))


def test_indices_say_which_numbers_not_how_large() -> None:
    made = designed(Routed())
    walk, graph = made.design.finish_as_is(), made.graph
    gathered = next(node for node in graph.nodes if node.op == "gather")
    assert walk.signals[gathered.index].value == pytest.approx(1.0, rel=0.01)


class Viewed(nn.Module):
    """Logits that are handed out as a view, beside hidden states."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.hidden, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.hidden(self.norm(x))
        return hidden, self.out(torch.relu(hidden)).unsqueeze(1)


def test_gradients_enter_at_outputs_that_are_views() -> None:
    assert checked(Viewed()).worst_gradient < 1.2


class Scored(nn.Module):
    """Scores of queries and keys under an activation in the place of a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        return self.out(torch.relu(self.query(x) @ self.key(x).transpose(1, 2)) @ self.value(x))


def test_scores_under_an_activation_are_of_unit_size() -> None:
    made = designed(Scored())
    walk = made.design.finish_as_is()
    scores = next(node for node in made.graph.nodes if node.op == "matmul")
    assert 0.6 < walk.signals[scores.index].value < 1.6
