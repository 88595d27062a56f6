"""Every recipe on the architecture it is for: the rule's numbers, and signal and gradient there."""

import math

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.errors import InputError
from steadygrad.planner.recipes import RECIPES

WIDTH, BLOCKS = 128, 4


def batch(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Pairs(nn.Module):
    """Residual pairs of weights without norms."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs = nn.ModuleList(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)) for _ in range(BLOCKS))
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for pair in self.pairs:
            x = torch.relu(x + pair(x))
        return self.head(x)


class Attending(nn.Module):
    """Transformer blocks: pre-norm, post-norm with DeepNorm's factor, or without norms."""

    def __init__(self, norm: str, fused: bool = True) -> None:
        super().__init__()
        self.norm, self.fused = norm, fused
        width = 3 * WIDTH if fused else WIDTH
        self.qkv = nn.ModuleList(nn.Linear(WIDTH, width, bias=False) for _ in range(BLOCKS if fused else 3 * BLOCKS))
        self.out, self.up, self.down = (
            nn.ModuleList(nn.Linear(a, b, bias=False) for _ in range(BLOCKS)) for a, b in ((WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))
        )
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2 * BLOCKS))
        self.head = nn.Linear(WIDTH, 10)

    def attend(self, x: torch.Tensor, i: int) -> torch.Tensor:
        parts = self.qkv[i](x).chunk(3, -1) if self.fused else [layer(x) for layer in self.qkv[3 * i : 3 * i + 3]]
        q, k, v = (t.unflatten(-1, (4, -1)).transpose(1, 2) for t in parts)
        return self.out[i](nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        alpha = (2 * BLOCKS) ** 0.25
        for i in range(BLOCKS):
            for norm, branch in ((self.norms[2 * i], lambda y: self.attend(y, i)), (self.norms[2 * i + 1], lambda y: self.down[i](torch.relu(self.up[i](y))))):
                x = norm(alpha * x + branch(x)) if self.norm == "post" else x + branch(norm(x) if self.norm == "pre" else x)
        return self.head(x)


class Weighted(Attending):
    """Post-norm blocks whose stream has a parameter of its own before each sum."""

    def __init__(self) -> None:
        super().__init__("post", fused=False)
        self.omega = nn.ParameterList(nn.Parameter(torch.ones(WIDTH)) for _ in range(2 * BLOCKS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i in range(BLOCKS):
            x = self.norms[2 * i](x * self.omega[2 * i] + self.attend(x, i))
            x = self.norms[2 * i + 1](x * self.omega[2 * i + 1] + self.down[i](torch.relu(self.up[i](x))))
        return self.head(x)


def chain() -> nn.Module:
    return nn.Sequential(*(layer for _ in range(4) for layer in (nn.Linear(WIDTH, WIDTH), nn.ReLU())), nn.Linear(WIDTH, 10))


TOKENS = batch(8, 12, WIDTH)
FOR = {
    "xavier": (lambda: nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.Tanh(), nn.Linear(2 * WIDTH, 10)), batch(32, WIDTH)), "he": (chain, batch(32, WIDTH)),
    "lsuv": (lambda: nn.Sequential(*(x for _ in range(12) for x in (nn.Linear(WIDTH, WIDTH), nn.Softsign())), nn.Linear(WIDTH, 10)), batch(64, WIDTH)),
    "gpt2": (lambda: Attending("pre"), TOKENS), "fixup": (Pairs, batch(32, WIDTH)), "deepnorm": (lambda: Attending("post", fused=False), TOKENS),
    "t_fixup": (lambda: Attending("none", fused=False), TOKENS), "admin": (Weighted, TOKENS),
    "mup": (chain, batch(32, WIDTH)), "spectral": (chain, batch(32, WIDTH)),
}  # fmt: skip


def test_every_recipe_has_a_specimen() -> None:
    assert set(FOR) == set(RECIPES)


@pytest.mark.parametrize("name", FOR)
def test_signal_and_gradient_live_where_it_is_for(name: str) -> None:
    torch.manual_seed(0)
    make, x = FOR[name]
    net = make()
    found = sg.initialize_(net, x, scheme=name).verify(net, x)
    moving = [layer for layer in found.layers if layer.measured_q]
    assert moving
    for layer in moving[:-1]:
        assert 1e-5 < layer.measured_q < 1e3, layer.where
        assert layer.q == pytest.approx(layer.measured_q, rel=0.45), layer.where  # one draw at width 128


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_it_says_what_it_is(recipe) -> None:
    assert recipe.formula and recipe.source and recipe.needs and (recipe.__doc__ or "").count("Source:") == 1


def rms(name: str, parameter: str, **made: object) -> float:
    torch.manual_seed(0)
    make, x = FOR[name]
    return sg.plan(make(), x, scheme=name).row(parameter).after


def test_numbers_of_the_papers() -> None:
    assert rms("xavier", "0.weight") == pytest.approx(math.sqrt(2 / (3 * WIDTH)))
    assert rms("he", "2.weight") == pytest.approx(math.sqrt(2 / WIDTH)) and rms("he", "0.weight") == pytest.approx(math.sqrt(1 / WIDTH))
    assert rms("gpt2", "up.0.weight") == pytest.approx(0.02) and rms("gpt2", "down.0.weight") == pytest.approx(0.02 / math.sqrt(2 * BLOCKS))
    assert rms("fixup", "pairs.1.0.weight") == pytest.approx(math.sqrt(2 / WIDTH) * BLOCKS**-0.5)
    assert rms("fixup", "pairs.1.2.weight") == 0.0 and rms("fixup", "head.weight") == 0.0
    glorot = math.sqrt(2 / (5 * WIDTH))
    assert rms("deepnorm", "up.0.weight") == pytest.approx(glorot * (8 * BLOCKS) ** -0.25)
    assert rms("t_fixup", "up.0.weight") == pytest.approx(glorot * 0.67 * BLOCKS**-0.25)
    assert rms("t_fixup", "qkv.0.weight") == pytest.approx(math.sqrt(1 / WIDTH))  # a query
    assert rms("mup", "2.weight") == pytest.approx(math.sqrt(2 / WIDTH)) and rms("mup", "8.weight") == pytest.approx(1 / WIDTH)
    assert rms("spectral", "2.weight") == pytest.approx(math.sqrt(2 / WIDTH))
    assert rms("spectral", "8.weight") == pytest.approx(math.sqrt(2 / WIDTH * 10 / WIDTH))
    assert rms("t_fixup", "qkv.2.weight") == pytest.approx(math.sqrt(1 / WIDTH) * 0.67 * BLOCKS**-0.25)  # a value


def test_t_fixup_makes_tables_small() -> None:
    class Reading(Attending):
        def __init__(self) -> None:
            super().__init__("none", fused=False)
            self.table = nn.Embedding(20, WIDTH)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return super().forward(self.table(ids))

    made = sg.plan(Reading(), torch.arange(24).reshape(2, 12) % 20, scheme="t_fixup")
    assert made.row("table.weight").after == pytest.approx((9 * BLOCKS) ** -0.25 / math.sqrt(WIDTH))


def test_admin_weighs_the_stream_as_what_was_added_before() -> None:
    torch.manual_seed(0)
    net = Weighted()
    plan = sg.plan(net, TOKENS, scheme="admin")
    omega = [plan.row(f"omega.{i}").after for i in range(2 * BLOCKS)]
    plan.apply_(net)
    ends, total = [], 0.0
    for layers in zip(net.out, net.down, strict=True):
        for layer in layers:
            layer.register_forward_hook(lambda module, read, made: ends.append(made.square().mean().item()))
    net(TOKENS)
    assert omega[0] == 1.0
    for i, q in enumerate(ends[:-1]):  # every branch reads a normed stream, so what ω is does not move what the branches put out
        total += q
        assert omega[i + 1] ** 2 == pytest.approx(total, rel=0.25)  # sums of draws at width 128 and 96 positions


def test_lsuv_measures_until_outputs_are_of_unit_size() -> None:
    torch.manual_seed(0)
    make, x = FOR["lsuv"]
    net = make()
    for name, parameter in net.named_parameters():
        nn.init.normal_(parameter, std=3.0 if name.startswith("0.") else 0.01)
    found = sg.initialize_(net, x, scheme="lsuv").verify(net, x)
    for layer in found.layers:  # three runs with fixed draws: what is left is how softsign bends between them
        assert layer.measured_q == pytest.approx(1.0, rel=0.02), layer.where
    with torch.device("meta"), pytest.raises(InputError, match="measures, which takes numbers"):
        sg.plan(make(), x, scheme="lsuv")


def test_fused_values_are_a_third_of_their_own() -> None:
    torch.manual_seed(0)
    net = Attending("post")
    sg.initialize_(net, TOKENS, scheme="deepnorm")
    query, _, value = (part.square().mean().sqrt().item() for part in net.qkv[0].weight.detach().chunk(3))
    assert value / query == pytest.approx((8 * BLOCKS) ** -0.25, rel=4 / WIDTH)


@pytest.mark.parametrize(("name", "message"), [("gpt2", "begin with a norm"), ("fixup", "two weights and no norms"), ("deepnorm", "needs attention"), ("admin", "a parameter ω")])
def test_other_architectures_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sg.plan(chain(), batch(4, WIDTH), scheme=name)
