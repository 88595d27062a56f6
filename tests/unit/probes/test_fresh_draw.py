"""Fresh draws are called so at the stated level, and what moved is not."""

import math

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.fresh_draw import DEVIATIONS, DISTANCE, FIXED_LAWS, KURTOSIS, LEVEL, distance
from steadygrad.randomness.law import normal, truncated_normal, uniform
from steadygrad.rules.specimens import batch

LAWS = {"uniform": uniform(-0.1, 0.1), "normal": normal(0.3), "truncated_normal": truncated_normal(0.02)}


def draw(law, n: int, generator: torch.Generator) -> torch.Tensor:
    x = torch.empty(n, dtype=torch.float64)
    if law.kind == "uniform":
        return x.uniform_(-law.scale, law.scale, generator=generator)
    if law.kind == "normal":
        return x.normal_(0.0, law.scale, generator=generator)
    return nn.init.trunc_normal_(x, 0.0, law.scale, -2 * law.scale, 2 * law.scale, generator=generator)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_distance_is_the_definition(law) -> None:
    x = draw(law, 50, torch.Generator().manual_seed(0)).sort().values
    many = torch.linspace(-4.0 * law.std, 4.0 * law.std, 400_001, dtype=torch.float64)
    empirical = torch.searchsorted(x, many, right=True) / 50
    below = torch.special.ndtr(many / law.scale)
    if law.kind == "uniform":
        below = ((many / law.scale + 1) / 2).clamp(0, 1)
    if law.kind == "truncated_normal":
        low = 0.5 * math.erfc(2 / math.sqrt(2))
        below = ((below - low) / (1 - 2 * low)).clamp(0, 1)
    assert distance(x, law) == pytest.approx(math.sqrt(50) * float((empirical - below).abs().max()), rel=1e-3)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_fresh_draws_are_refuted_at_the_stated_level(law) -> None:
    generator, times, n = torch.Generator().manual_seed(1), 2000, 400
    error = math.sqrt((KURTOSIS[law.kind] - 1) / n)
    refuted = [0, 0]
    for _ in range(times):
        x = draw(law, n, generator)
        refuted[0] += distance(x.sort().values, law) > DISTANCE
        refuted[1] += abs(float(x.square().mean()) / law.std**2 - 1) > DEVIATIONS * error
    largest = LEVEL * times + 4 * math.sqrt(LEVEL * times)
    assert max(refuted) <= largest, refuted


def fresh(net: nn.Module, x: torch.Tensor) -> dict[str, str]:
    readings = observe(Case(net.requires_grad_(False), x)).parameters
    return {name: reading.fresh for name, reading in readings.items()}


NETS = {
    "linear": (lambda: nn.Sequential(nn.Linear(100, 300), nn.ReLU(), nn.Linear(300, 300)), batch(8, 100)),
    "convolution": (lambda: nn.Sequential(nn.Conv2d(3, 64, 7, stride=2), nn.ReLU(), nn.Conv2d(64, 64, 3, groups=4)), batch(4, 3, 32, 32)),
    "transposed": (lambda: nn.Sequential(nn.Conv2d(8, 32, 3), nn.ConvTranspose2d(32, 16, 3, stride=2)), batch(4, 8, 8, 8)),
    "lstm": (lambda: nn.LSTM(40, 60), batch(5, 4, 40)),
    "gru": (lambda: nn.GRU(40, 60, 2), batch(5, 4, 40)),
}


@pytest.mark.parametrize("kind", NETS)
def test_torch_draws_its_layers_from_its_default(kind: str) -> None:
    make, x = NETS[kind]
    torch.manual_seed(0)
    net = make()
    assert set(fresh(net, x).values()) == {"torch_default"}
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1.1)
    assert not any(law for name, law in fresh(net, x).items() if "weight" in name)


def test_projections_that_are_drawn_as_one_are_recognized() -> None:
    torch.manual_seed(0)
    found = fresh(nn.TransformerEncoderLayer(64, 4, 128), batch(5, 4, 64))
    assert found["self_attn.in_proj_weight"] == "glorot_uniform" and found["linear1.weight"] == "torch_default"


@pytest.mark.parametrize("std", [0.02, 0.021])
def test_a_fixed_width_is_told_from_five_percent_more(std: float) -> None:
    torch.manual_seed(0)
    net = nn.Linear(256, 256, bias=False)
    nn.init.normal_(net.weight, std=std)
    assert fresh(net, batch(8, 256))["weight"] == (FIXED_LAWS[0][0] if std == 0.02 else "")


def test_heavy_tails_are_no_fresh_draw() -> None:
    torch.manual_seed(0)
    net = nn.Linear(256, 256, bias=False)
    with torch.no_grad():  # a Laplace law of the width of N(0, 0.02²)
        net.weight.copy_(torch.distributions.Laplace(0.0, 0.02 / math.sqrt(2)).sample((256, 256)))
    assert fresh(net, batch(8, 256))["weight"] == ""


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_rounding_to_half_precision_refutes_nothing(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 256)).to(dtype)
    assert fresh(net, batch(8, 256).to(dtype))["0.weight"] == "torch_default"


def test_parameters_that_are_whole_numbers_or_complex_are_passed_over() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.whole = nn.Parameter(torch.arange(8), requires_grad=False)
            self.complex = nn.Parameter(torch.ones(8, dtype=torch.complex64), requires_grad=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.whole + (x * self.complex).real

    assert set(fresh(Odd(), batch(4, 8)).values()) == {""}


def test_what_trains_is_not_asked() -> None:
    torch.manual_seed(0)
    assert {r.fresh for r in observe(Case(nn.Linear(64, 64), batch(8, 64))).parameters.values()} == {""}
