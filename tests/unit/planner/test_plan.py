"""What a plan says, what it writes, what it leaves alone, and what it refuses."""

import json
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import steadygrad as sg
from steadygrad import schemes
from steadygrad.errors import InputError, ModelError


def mlp(activation: type[nn.Module] = nn.ReLU, depth: int = 4, width: int = 256) -> nn.Sequential:
    torch.manual_seed(1)
    layers: list[nn.Module] = [layer for _ in range(depth) for layer in (nn.Linear(width, width), activation())]
    return nn.Sequential(*layers, nn.Linear(width, 10))


class Block(nn.Module):
    """A pre-norm residual pair, GPT's shape."""

    def __init__(self, width: int = 256, heads: int = 4) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down, self.heads = nn.Linear(width, 4 * width), nn.Linear(4 * width, width), heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        x = x + self.out(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, blocks: int = 3, width: int = 256, tied: bool = True) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(100, width), nn.Parameter(0.02 * torch.randn(1, 24, width))
        self.blocks, self.norm = nn.Sequential(*(Block(width) for _ in range(blocks))), nn.LayerNorm(width)
        self.head = nn.Linear(width, 100, bias=False)
        if tied:
            self.head.weight = self.table.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.blocks(self.table(ids) + self.places)))


class Residual(nn.Module):
    """Convolutional residual pairs with batch norm; `zero` starts every branch silent."""

    def __init__(self, blocks: int = 6, zero: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, padding=1)
        self.pairs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64))
            for _ in range(blocks)
        )  # fmt: skip
        self.head = nn.Linear(64, 10)
        if zero:
            for pair in self.pairs:
                nn.init.zeros_(pair[-1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for pair in self.pairs:
            x = torch.relu(x + pair(x))
        return self.head(x.mean((2, 3)))


def batch(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


IDS = torch.randint(0, 100, (16, 24), generator=torch.Generator().manual_seed(0))
NETWORKS = {
    "relu": (mlp, batch(64, 256)), "tanh": (lambda: mlp(nn.Tanh, 20), batch(64, 256)), "gelu": (lambda: mlp(nn.GELU), batch(64, 256)),
    "sigmoid": (lambda: mlp(nn.Sigmoid), batch(64, 256)), "selu": (lambda: mlp(nn.SELU), batch(64, 256)),
    "transformer": (Transformer, IDS), "residual": (Residual, batch(16, 3, 12, 12)), "silent": (lambda: Residual(zero=True), batch(16, 3, 12, 12)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_prediction_and_measurement_agree(name: str) -> None:
    make, x = NETWORKS[name]
    net = make()
    made = sg.initialize_(net, x)
    found = made.verify(net, x)
    wide = [layer for layer in found.layers if layer.exact and layer.measured_q and "head" not in layer.where and not layer.where.startswith("8 ")]
    assert wide
    for depth, layer in enumerate(wide, 1):  # of one draw, q fluctuates by √(5·depth/n) (theory.finite_width); outputs of 10 units by more
        assert layer.q == pytest.approx(layer.measured_q, rel=min(3 * math.sqrt(5 * min(depth, 4) / 1024), 0.3)), layer.where
    assert found.worst_q < 2.0
    assert found.activation_spread < (20.0 if name == "transformer" else 10.0)  # rows of a shared table are small, so that outputs are not
    assert found.gradient_spread < 100.0


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_has_a_row_and_looking_changes_nothing(name: str) -> None:
    make, x = NETWORKS[name]
    net = make()
    before = {n: t.clone() for n, t in net.state_dict().items()}
    torch.manual_seed(7)
    state = torch.get_rng_state()
    made = sg.plan(net, x)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(t, before[n]) for n, t in net.state_dict().items())
    named = {n for row in made.rows for n in row.names}
    assert named >= {n for n, _ in net.named_parameters(remove_duplicate=False)} | {n for n, _ in net.named_buffers()}
    assert made.uncovered == {}
    made.apply_(net)
    assert torch.equal(torch.get_rng_state(), state)


def test_default_initialization_is_improved() -> None:
    from steadygrad.planner.spread import activation_spread, gradient_spread
    from steadygrad.planner.verification import observe

    for make, x in (network for name, network in NETWORKS.items() if name != "transformer"):
        seen = observe(make(), x)
        net = make()
        found = sg.initialize_(net, x).verify(net, x)
        assert found.activation_spread <= max(activation_spread(seen), 10.0)
        assert found.gradient_spread <= max(gradient_spread(seen), 100.0)


def test_the_same_seed_gives_the_same_bits_whatever_came_before() -> None:
    first, second, other = mlp(), mlp(nn.ReLU), mlp()
    nn.init.normal_(second[0].weight, std=3.0)
    x = batch(64, 256)
    sg.initialize_(first, x, seed=5), sg.initialize_(second, x, seed=5), sg.initialize_(other, x, seed=6)
    assert torch.equal(first[2].weight, second[2].weight)
    assert not torch.equal(first[2].weight, other[2].weight)


def test_relu_gets_two_over_fan_in_and_tanh_one() -> None:
    relu, tanh = sg.plan(mlp(), batch(512, 256)), sg.plan(mlp(nn.Tanh), batch(512, 256))
    assert relu.row("2.weight").after == pytest.approx(math.sqrt(2 / 256), rel=0.03)
    assert tanh.row("2.weight").after == pytest.approx(math.sqrt(1 / 256), rel=1e-6)
    assert "orthogonal" in tanh.row("2.weight").scheme
    assert "0.25" not in relu.row("2.bias").scheme and relu.row("2.bias").after == 0.0


def test_sigmoid_biases_take_the_offset_out() -> None:
    net = mlp(nn.Sigmoid)
    made = sg.initialize_(net, batch(64, 256))
    assert made.row("2.bias").subtract == ("2.weight", 0, 0.5)
    torch.testing.assert_close(net[2].bias, -0.5 * net[2].weight.sum(1), rtol=0, atol=1e-5)


def test_branches_share_a_budget() -> None:
    made = sg.plan(Residual(6), batch(16, 3, 12, 12))
    stream = [layer for layer in made.layers if layer.kind == "join"]
    assert stream[-1].q < stream[0].q * math.e
    assert "one of 6 branches" in made.row("pairs.0.4.weight").reason


def test_silent_branches_stay_silent() -> None:
    net = Residual(zero=True)
    made = sg.initialize_(net, batch(16, 3, 12, 12))
    assert made.row("pairs.2.4.weight").action == "keep" and not net.pairs[2][-1].weight.any()
    assert "zero on purpose" in made.row("pairs.2.4.weight").reason
    told = sg.plan(net, batch(16, 3, 12, 12), overrides={r"pairs\.\d\.4\.weight": schemes.ones()})
    assert told.row("pairs.2.4.weight").after == 1.0


def test_a_tied_table_gets_one_answer_that_keeps_outputs_small() -> None:
    made = sg.plan(Transformer(), IDS)
    row = made.row("head.weight")
    assert row is made.row("table.weight") and set(row.names) == {"head.weight", "table.weight"}
    assert made.layers[-1].q == pytest.approx(1.0, rel=0.05)
    free = sg.plan(Transformer(tied=False), IDS)
    assert free.row("table.weight").after == pytest.approx(1.0) and free.layers[-1].q == pytest.approx(0.5, rel=0.05)


def test_attention_without_its_scale_is_brought_to_unit_logits() -> None:
    class Unscaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.o = (nn.Linear(128, 128, bias=False) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.o(torch.softmax(self.q(x) @ self.k(x).transpose(1, 2), -1) @ self.v(x))

    net, x = Unscaled(), batch(8, 16, 128)
    made = sg.initialize_(net, x)
    assert (net.q(x) @ net.k(x).transpose(1, 2)).square().mean().item() == pytest.approx(1.0, rel=0.1)
    assert "attention logits" in made.row("q.weight").reason


def test_frozen_and_purposeful_numbers_are_kept() -> None:
    net = mlp()
    net[0].weight.requires_grad_(False)
    nn.init.constant_(net[8].bias, -4.6)
    kept = net[0].weight.clone()
    made = sg.initialize_(net, batch(64, 256), keep=[r"^4\."])
    assert torch.equal(net[0].weight, kept) and made.row("0.weight").reason == "frozen"
    assert "on purpose" in made.row("8.bias").reason and net[8].bias.eq(-4.6).all()
    assert made.row("4.weight").action == "keep" and made.row("2.weight").action == "draw"


def test_few_random_biases_are_no_choice() -> None:
    for seed in range(30):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 1))
        made = sg.plan(net, batch(8, 16))
        assert made.row("0.bias").action == made.row("2.bias").action == "reset"
    nn.init.constant_(net[2].bias, -4.6)
    assert sg.plan(net, batch(8, 16)).row("2.bias").action == "keep"


def test_statistics_go_with_the_weights_they_were_of() -> None:
    net = Residual()
    net(batch(16, 3, 12, 12))
    assert net.pairs[0][1].num_batches_tracked == 1
    sg.initialize_(net, batch(16, 3, 12, 12))
    assert net.pairs[0][1].num_batches_tracked == 0 and net.pairs[0][1].running_var.eq(1).all()


@pytest.mark.parametrize(("wrap", "stored"), [
    (parametrizations.weight_norm, "0.parametrizations.weight.original1"), (parametrizations.spectral_norm, "0.parametrizations.weight.original"),
])  # fmt: skip
def test_parametrized_weights_are_set_through_their_inverse(wrap, stored: str) -> None:
    net = mlp(depth=2)
    wrap(net[0])
    made = sg.initialize_(net, batch(64, 256))
    row = next(row for row in made.rows if row.name.startswith("0.parametrizations.weight") and row.action == "draw")
    assert row.fans is not None and row.fans.fan_in == 256.0
    if wrap is parametrizations.weight_norm:
        assert net[0].weight.square().mean().sqrt().item() == pytest.approx(row.after, rel=0.02)


def test_lstm_gates_are_matrices_of_their_own() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.lstm(x)[0])

    net = Reader()
    made = sg.initialize_(net, batch(4, 12, 32))
    for gate in net.lstm.weight_hh_l0.chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(64), rtol=0, atol=1e-5)
    assert net.lstm.bias_ih_l0[64:128].eq(1).all() and not net.lstm.bias_hh_l0.any()
    assert any("lstm" in note for note in made.notes)


def test_a_scheme_for_all_takes_fans_and_gains_from_the_graph() -> None:
    made = sg.plan(mlp(), batch(64, 256), scheme="he_normal")
    assert made.row("2.weight").after == pytest.approx(math.sqrt(2 / 256)) and made.row("0.weight").after == pytest.approx(math.sqrt(1 / 256))
    other = sg.plan(mlp(), batch(64, 256), overrides={"2.weight": "orthogonal", "4": schemes.normal(0.5)})
    assert other.row("2.weight").law != made.row("2.weight").law and other.row("4.weight").after == 0.5


def test_text_and_json_say_the_same() -> None:
    made = sg.plan(mlp(), batch(64, 256))
    told = json.loads(made.to_json())
    assert [row["name"] for row in told["rows"]] == [row.name for row in made.rows]
    assert "2.weight" in str(made) and "outputs of unit size" in str(made) and max(map(len, str(made).splitlines())) <= 120


@pytest.mark.parametrize(("settings", "message"), [
    ({"scheme": "he_norml"}, "he_normal"), ({"scheme": 3}, "must be 'auto'"), ({"keep": ["nothing"]}, "must match a parameter"),
    ({"overrides": {"(": "zeros"}}, "regular expression"), ({"seed": -1}, "seed"), ({"overrides": {"0": "gpt9"}}, "gpt9"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_nothing_changes(settings: dict, message: str) -> None:
    net = mlp()
    before = [p.clone() for p in net.parameters()]
    with pytest.raises(InputError, match=message):
        sg.initialize_(net, batch(8, 256), **settings)
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), before, strict=True))


def test_a_model_that_cannot_run_is_said_to() -> None:
    with pytest.raises(ModelError, match="shape"):
        sg.plan(mlp(), batch(8, 17))


def test_a_plan_is_for_its_model() -> None:
    made = sg.plan(mlp(), batch(8, 256))
    other = mlp(width=32)
    before = other[0].weight.clone()
    with pytest.raises(InputError, match=r"0\.weight.*256"):
        made.apply_(other)
    assert torch.equal(other[0].weight, before)
    with pytest.raises(InputError, match="another model"):
        made.verify(nn.Sequential(nn.Linear(256, 10)), batch(8, 256))


def test_weights_that_a_norm_standardizes_can_be_planned() -> None:
    """As NFNets write it: the norm reads a weight, no signal."""

    class Standardized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.gain, self.head = nn.Parameter(torch.randn(8, 3, 3, 3)), nn.Parameter(torch.ones(8)), nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            weight = nn.functional.batch_norm(self.weight.reshape(1, 8, -1), None, None, self.gain, training=True).reshape_as(self.weight)
            return self.head(torch.relu(nn.functional.conv2d(x, weight)).mean((2, 3)))

    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    net = Standardized()
    found = sg.initialize_(net, x).verify(net, x)
    assert all(layer.measured_q is None or math.isfinite(layer.measured_q) for layer in found.layers)
