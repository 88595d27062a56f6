"""What a kept bias adds stays where it is when weights change; log decays have one sign; numbers written into a part count by its size."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from steadygrad.graph.flow import Walk
from steadygrad.graph.trace import trace
from steadygrad.planner.sight import see
from steadygrad.planner.study import Study
from steadygrad.planner.trial import learn
from steadygrad.probes.evidence import Evidence

WIDTH, PLACES = 64, 16


def softplus(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 20.0, x, torch.log(1.0 + torch.exp(x)))


class Forgetting(nn.Module):
    """A gate of forgetting that starts nearly open, and decays made of it (Mamba, arXiv:2312.00752; its softplus written out, as others have it)."""

    def __init__(self, written: bool = True) -> None:
        super().__init__()
        self.norm, self.gate, self.value, self.out = (nn.LayerNorm(WIDTH), *(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3)))
        self.dt_bias, self.softplus = nn.Parameter(torch.full((WIDTH,), -4.6) + 0.3 * torch.randn(WIDTH)), softplus if written else F.softplus

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        decay = torch.exp(-4.0 * self.softplus(self.gate(x) + self.dt_bias).cumsum(1))
        return self.out(torch.tanh(self.value(x) * decay))


class Rows(nn.Module):
    """Rows of a matrix that are replaced one after the other, as where a recurrence is written out."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.norm, self.out = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.enter(x).clone()
        for i in range(1, PLACES):
            x[:, i] = torch.tanh(x[:, i - 1])
        return self.out(self.norm(x))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def moved(net: nn.Module, name: str, factor: float) -> tuple[Study, Walk, Evidence]:
    """A design that has learnt from one run, its walk with this factor on one E[w²], and a run of that."""
    x = torch.randn(8, PLACES, WIDTH)
    made = Study(net, see(net, x), x, {}, {})
    made.design.finish()
    learn(made.design, made.run(net, x, 0))
    made.design.moments[name] *= factor
    return made, made.design.finish_as_is(), made.run(net, x, 0)


@pytest.mark.parametrize("written", [True, False])
def test_softplus_grows_with_what_is_added_to_a_kept_bias(written: bool) -> None:
    """E[softplus(x)²] of x = Wx − 4.6 grows as exp(2·Var Wx); an offset taken for a share of x would fall with larger weights."""
    made, walk, seen = moved(Forgetting(written), "gate.weight", 3.0)
    nodes = [n.index for n in made.graph.nodes if n.op == "softplus"]
    q = seen.signals[nodes[-1]].moments.q
    assert "dt_bias" in made.design.kept and walk.signals[nodes[-1]].value == pytest.approx(q, rel=0.4)


def test_decays_do_not_grow() -> None:
    """Normal log decays of the same mean and variance would sometimes be positive, and their exponentials without bound."""
    made, walk, seen = moved(Forgetting(), "gate.weight", 4.0)
    node = [n for n in made.graph.nodes if n.op == "exp"][-1]
    assert made.design.offsets[node.index].one_sided
    assert walk.signals[node.index].value < 1.0 and walk.signals[node.index].value == pytest.approx(seen.signals[node.index].moments.q, rel=0.7)


def test_a_design_knows_of_kept_biases_before_it_was_run() -> None:
    net, x = Forgetting(), torch.randn(8, PLACES, WIDTH)
    made = Study(net, see(net, x), x, {}, {})
    walk = made.design.finish()
    last = [n.index for n in made.graph.nodes if n.op == "softplus"][-1]
    assert walk.signals[last].value == pytest.approx(made.run(net, x, 0).signals[last].moments.q, rel=0.5)  # 0.5 without


def test_written_rows_replace_what_was_there() -> None:
    net, x = Rows(), torch.randn(8, PLACES, WIDTH)
    made = Study(net, see(net, x), x, {}, {})
    walk = made.design.finish()
    last = [n.index for n in made.graph.nodes if n.op == "__setitem__"][-1]
    assert walk.signals[last].value < 1.0  # each adding what it writes they would be 15 times the first


def test_written_softplus_is_one_op_and_other_choices_are_none() -> None:
    class Chosen(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return softplus(x) + torch.log1p(torch.exp(x)) + torch.where(x > 0.0, x, torch.log(2.0 + torch.exp(x)))

    graph = trace(Chosen(), torch.randn(4, 4)).graph
    found = [n for n in graph.nodes if n.op == "softplus"]
    assert [n.inputs for n in found] == [(0,)] * 3 and sum(n.op == "where" for n in graph.nodes) == 1
