"""What a run teaches is followed where scales move next: offsets with their sign, biases of fused attention, numbers of single channels."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import steadygrad as sg
from steadygrad.graph.flow import Walk
from steadygrad.planner.sight import see
from steadygrad.planner.study import Study
from steadygrad.planner.trial import learn
from steadygrad.planner.updates import sizes
from steadygrad.planner.verification import observe
from steadygrad.probes.evidence import Evidence

WIDTH, HEADS, SIDE = 32, 4, 4
PLACES = SIDE * SIDE


class Pooled(nn.Module):
    """Two units behind an average over all positions, as in squeeze-and-excitation: one number each, whatever the sample."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.reduce, self.expand = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2), nn.Linear(2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.expand(F.silu(self.reduce(torch.relu(self.norm(x)).mean(1))))


class Placed(nn.Module):
    """Fused attention with a bias that a network makes of distances (Swin V2, arXiv:2111.09883)."""

    def __init__(self) -> None:
        super().__init__()
        places = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij"), -1).reshape(PLACES, 2)
        self.register_buffer("distances", (places[:, None] - places[None]).float())
        self.norm, self.far, self.steer = nn.LayerNorm(WIDTH), nn.Linear(2, 64), nn.Linear(64, HEADS)
        self.read, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = self.steer(torch.relu(self.far(self.distances))).permute(2, 0, 1)[None]
        query, key, value = self.read(self.norm(x)).reshape(len(x), PLACES, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(query, key, value, attn_mask=bias).transpose(1, 2).flatten(2))


def batch() -> torch.Tensor:
    return torch.randn(8, PLACES, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def moved(net: nn.Module, factors: dict[str, float], seed: int = 0) -> tuple[Study, Walk, Evidence, Evidence]:
    """A design that has learnt from one run, its walk after these factors on E[w²], that run, and a run of the moved design."""
    made = Study(net, see(net, batch()), batch(), {}, {})
    made.design.finish()
    before = made.run(net, batch(), seed)
    learn(made.design, before)
    for name, factor in factors.items():
        made.design.moments[name] *= factor
    return made, made.design.finish_as_is(), before, made.run(net, batch(), seed)


def test_silu_of_negative_constants_grows_as_they_shrink() -> None:
    """SiLU(−4) = −0.07 and SiLU(−2) = −0.24: weights half as large make it larger, where zero-mean inputs would make it smaller."""
    made = Study(net := Pooled(), see(net, batch()), batch(), {}, {})
    made.design.finish()
    reduced = next(n.index for n in made.graph.nodes if n.label == "reduce (linear)")
    found = {seed: made.run(net, batch(), seed).signals[reduced].moments for seed in range(24)}
    seed = next(seed for seed, m in found.items() if m.mean < -0.85 * m.rms)
    size = 16.0 / found[seed].q
    made.design.moments["reduce.weight"] *= size
    learn(made.design, before := made.run(net, batch(), seed))
    made.design.moments["reduce.weight"] /= 4.0
    walk, after = made.design.finish_as_is(), made.run(net, batch(), seed)
    silu = next(n.index for n in made.graph.nodes if n.op == "silu")
    assert after.signals[silu].moments.q > 2.0 * before.signals[silu].moments.q
    assert walk.signals[silu].value == pytest.approx(after.signals[silu].moments.q, rel=0.5)


def test_what_makes_the_bias_of_attention_is_no_output() -> None:
    made, _, before, _ = moved(Placed(), {})
    assert made.design.reasons["steer.weight"] == "outputs of unit size" and made.design.reasons["out.weight"].startswith("outputs of rms")
    steer = next(n.index for n in before.graph.nodes if n.label == "steer (linear)")
    assert steer in before.graph.feeds_weights and before.signals[steer].moments.rms == pytest.approx(1.0, rel=0.9)


@pytest.mark.parametrize("factors", [{"far.weight": 0.25, "steer.weight": 4.0}, {"steer.weight": 0.25}, {"out.weight": 4.0}])
def test_gradients_of_what_makes_the_bias_are_followed(factors: dict[str, float]) -> None:
    """Through the logits and back to a table of constants, which is no signal."""
    made, walk, _, after = moved(Placed(), factors)
    predicted = sizes(made.design, walk)
    own = sizes(made.design, learn(made.design, after))  # what the moved run itself teaches
    for name in ("far.weight", "steer.weight"):
        assert float(predicted[name][0]) == pytest.approx(float(own[name][0]), rel=0.4), name


def test_a_kernel_of_one_entry_has_no_tiny_entries() -> None:
    """Behind a norm their gradients are as much larger as they are smaller; a linear layer that reads one number keeps its units apart."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 1, groups=64, bias=False), nn.BatchNorm2d(64), nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 1), nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 4),
    )  # fmt: skip
    x = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    plan = sg.initialize_(net, x)
    assert plan.row("3.weight").scheme.startswith("constant") and torch.unique(net[3].weight).numel() == 1 and float(net[3].weight.detach()[0]) > 0.0
    assert plan.row("10.weight").action == "draw" and torch.unique(net[10].weight).numel() == 16
    gradient = observe(net, x).parameters["3.weight"].gradient.moments
    assert gradient.absmax / math.sqrt(gradient.q) < 10.0
