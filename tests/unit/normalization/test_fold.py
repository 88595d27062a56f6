"""Folding: every kind of layer, before and after, and everything that must stay."""

import copy

import pytest
import torch
from torch import nn

from steadygrad.errors import ModelError
from steadygrad.normalization import BatchNorm, calibrate, fold, strip_dead_bias


def learned(net: nn.Module, x: torch.Tensor) -> nn.Module:
    """γ, β, μ, σ² all off their starting values."""
    torch.manual_seed(0)
    net = net.to(x.dtype)
    for _ in range(3):
        net.train()(x * 1.5 + 0.3)
    with torch.no_grad():
        for m in net.modules():
            if hasattr(m, "running_mean") and getattr(m, "weight", None) is not None:
                m.weight.uniform_(-2, 2), m.bias.uniform_(-1, 1)
    return net


IMAGE = torch.randn(6, 4, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
BEFORE = {
    "linear": (lambda: [nn.Linear(4, 6), nn.BatchNorm1d(6)], IMAGE[..., 0, 0]),
    "linear without bias": (lambda: [nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6)], IMAGE[..., 0, 0]),
    "conv": (lambda: [nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)], IMAGE),
    "grouped conv": (lambda: [nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)], IMAGE),
    "depthwise conv": (lambda: [nn.Conv2d(4, 8, 3, groups=4), BatchNorm(8)], IMAGE),
    "conv1d": (lambda: [nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)], IMAGE[..., 0]),
    "conv3d": (lambda: [nn.Conv3d(4, 6, 2), nn.BatchNorm3d(6)], IMAGE[..., None].repeat(1, 1, 1, 1, 2) + torch.arange(2)),
    "transposed": (lambda: [nn.ConvTranspose2d(4, 6, 3, stride=2), nn.BatchNorm2d(6)], IMAGE),
    "grouped transposed": (lambda: [nn.ConvTranspose2d(4, 6, 3, groups=2, bias=False), nn.BatchNorm2d(6)], IMAGE),
    "no affine": (lambda: [nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False)], IMAGE),
}
AFTER = {
    "linear": (lambda: [nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 6)], IMAGE[..., 0, 0]),
    "conv": (lambda: [nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, bias=False)], IMAGE),
    "grouped conv": (lambda: [nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, groups=2)], IMAGE),
    "mirrored padding": (lambda: [nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect")], IMAGE),
    "dropout between": (lambda: [nn.ReLU(), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 6, 3)], IMAGE),
    "no padding said in words": (lambda: [nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding="valid")], IMAGE),
}


@pytest.mark.parametrize("side", ["before", "after"])
def test_folded_equals_unfolded(side: str) -> None:
    """torch.nn.utils.fusion raises for grouped transposed kernels; ultralytics scaled the wrong axis (PR 25364)."""
    for name, (build, x) in (BEFORE if side == "before" else AFTER).items():
        net = learned(nn.Sequential(*build(), nn.Tanh()), x)
        state = copy.deepcopy(net.state_dict())
        folding = fold(net, x)
        assert [s for _, _, s in folding.folded] == [side], name
        assert not any(hasattr(m, "running_mean") for m in folding.model.modules())
        other = x.flip(0) * 2 - 1
        torch.testing.assert_close(folding.model(other), net.eval()(other), rtol=1e-10, atol=1e-10)
        assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())


def test_float32_error_is_within_its_bound() -> None:
    layers = [m for _ in range(8) for m in (nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())]
    folding = fold(learned(nn.Sequential(*layers), IMAGE.float()), IMAGE.float())
    assert len(folding.folded) == 8 and folding.error <= folding.bound == pytest.approx(900 * 2**-23)


def test_a_norm_between_two_layers_and_one_after_goes_both_ways() -> None:
    x = IMAGE[..., 0, 0]
    net = learned(nn.Sequential(nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 6), nn.BatchNorm1d(6)), x)
    folding = fold(net, x)
    assert folding.folded == (("1", "2", "after"), ("3", "2", "before"))
    torch.testing.assert_close(folding.model(x), net.eval()(x), rtol=1e-10, atol=1e-10)


class Shared(nn.Module):
    """What must stay: zero padding after, a second reader, a second use, a tied weight."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.bn_pad, self.pad = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1)
        self.read, self.bn_read = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.twice, self.bn_twice = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.a, self.b, self.bn_tied = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.b.weight = self.a.weight

    def forward(self, x):
        x = self.pad(self.bn_pad(self.relu(x)))
        y = self.read(self.relu(x))
        x = self.relu(self.bn_read(y)) + y
        x = self.relu(self.bn_twice(self.twice(x))) + self.relu(self.bn_twice(self.relu(x)))
        return self.relu(self.bn_tied(self.b(self.relu(self.a(x)))))


def test_what_cannot_be_folded_stays_and_is_told() -> None:
    net = learned(Shared(), IMAGE)
    folding = fold(net, IMAGE)
    assert folding.folded == ()
    assert "`pad` after it pads" in folding.left["bn_pad"]
    assert "`read` before it is read by something else" in folding.left["bn_read"]
    assert "used more than once" in folding.left["bn_twice"]
    assert "tied, shared" in folding.left["bn_tied"]


class Tokens(nn.Module):
    """Linear over the last axis of (N, tokens, features), and a norm behind it by way of `move`."""

    def __init__(self, features: int, channels: int, move, back=lambda z, y: z) -> None:
        super().__init__()
        self.linear, self.bn, self.move, self.back = nn.Linear(4, features), nn.BatchNorm1d(channels), move, back

    def forward(self, x):
        y = self.linear(x)
        return torch.tanh(self.back(self.bn(self.move(y)), y))


TOKENS = IMAGE.flatten(2).transpose(1, 2)[:, :7]
VIEWS = {
    "leading axes merged": Tokens(5, 5, lambda y: y.flatten(0, 1), lambda z, y: z.reshape_as(y)),
    "features moved to axis 1": Tokens(5, 5, lambda y: y.transpose(1, 2)),
    "by permute": Tokens(5, 5, lambda y: y.permute(0, 2, 1)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_that_bring_features_to_the_channels_are_looked_through(name: str) -> None:
    net = learned(VIEWS[name], TOKENS)
    folding = fold(net, TOKENS)
    assert folding.folded == (("bn", "linear", "before"),)
    torch.testing.assert_close(folding.model(TOKENS), net.eval()(TOKENS), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("features", [7, 5])
def test_a_norm_over_tokens_is_not_one_over_features(features: int) -> None:
    """BatchNorm1d on (N, tokens, features) normalizes tokens: a bias per feature is not dead, and sizes may coincide."""
    net = learned(Tokens(features, 7, lambda y: y), TOKENS)
    with torch.no_grad():
        net.linear.bias.uniform_(-3, 3)
    before = copy.deepcopy(net)
    assert fold(net, TOKENS).left == {"bn": "the norm's channels are axis 1 of `linear` before it, whose units are axis 2; after it stands model (tanh), no linear layer or convolution"}
    assert strip_dead_bias(net, TOKENS) == []
    torch.testing.assert_close(net.train()(TOKENS), before.train()(TOKENS), rtol=0, atol=0)
    contracts = learned(nn.Sequential(nn.Tanh(), nn.BatchNorm1d(7), nn.Linear(4, 3)), TOKENS)
    assert "`2` after it does not contract axis 1 of 3" in fold(contracts, TOKENS).left["1"]


def test_left_names_both_sides() -> None:
    net = learned(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 2, 2)), IMAGE)
    assert fold(net, IMAGE).left == {
        "1": "before it stands 0 (relu), no linear layer or convolution; after it stands 2 (relu), no linear layer or convolution",
        "3": "before it stands 2 (relu), no linear layer or convolution; `4` after it is transposed: its outputs see different numbers of taps",
    }


def test_a_folding_that_changes_outputs_is_refused() -> None:
    class Surprise(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x).clamp(max=0.1)

    with pytest.raises(ModelError, match="the folded copy differs by .* more than .* after 1 foldings; the model is unchanged"):
        fold(learned(nn.Sequential(nn.Conv2d(4, 4, 1), Surprise(4)), IMAGE), IMAGE)


def test_errors() -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    with pytest.raises(ModelError, match="`1` never collected statistics .*calibrate first"):
        fold(net, IMAGE.float())
    with pytest.raises(ModelError, match="fold: the model has no batch norm"):
        fold(nn.Linear(2, 2), torch.ones(1, 2))


@pytest.mark.parametrize("training", [True, False])
def test_stripping_a_dead_bias_changes_neither_mode(training: bool) -> None:
    net = learned(nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(54, 5), BatchNorm(5), nn.Linear(5, 2)), IMAGE)
    with torch.no_grad():
        net[0].bias.fill_(3.0)
    net(IMAGE)
    stripped = copy.deepcopy(net).train(training)
    assert strip_dead_bias(stripped, IMAGE) == ["0.bias", "4.bias"]
    assert stripped[0].bias is None and stripped[6].bias is not None and stripped.training == training
    for mode in (True, False):
        torch.testing.assert_close(stripped.train(mode)(IMAGE), net.train(mode)(IMAGE), rtol=1e-11, atol=1e-11)
    assert strip_dead_bias(stripped, IMAGE) == []


@pytest.mark.zoo
@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "efficientnet_b0", "regnetx_002", "ghostnet_050"])
def test_zoo_architectures_fold(name: str) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    net, x = timm.create_model(name, num_classes=10), torch.randn(4, 3, 64, 64)
    calibrate(net, [x, torch.randn(4, 3, 64, 64)])
    single = fold(net, x)
    assert single.folded and single.error <= single.bound
    double = fold(net.double(), x.double())
    assert double.error <= 1e-10
