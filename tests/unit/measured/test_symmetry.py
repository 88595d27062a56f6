"""Symmetries: those that are there are found, those that are not are not."""

import math

import pytest
import torch
from torch import nn

from steadygrad.measured import symmetries


def kinds(model: nn.Module, x: torch.Tensor) -> set[tuple[str, str, int]]:
    torch.manual_seed(0)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    found = symmetries(model, x)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items()) and modes == [m.training for m in model.modules()]
    return {(s.kind, s.where, s.units) for s in found}


def mlp(activation: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), activation, nn.Linear(5, 3))


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (nn.Tanh(), {"permutation", "sign"}), (nn.ReLU(), {"permutation", "scale"}), (nn.LeakyReLU(), {"permutation", "scale"}),
        (nn.Identity(), {"permutation", "sign", "scale"}), (nn.GELU(), {"permutation"}), (nn.Sigmoid(), {"permutation"}),
        (nn.Softsign(), {"permutation", "sign"}), (nn.Softmax(1), {"permutation"}),
    ],
)  # fmt: skip
def test_what_an_activation_allows(activation: nn.Module, expected: set[str]) -> None:
    found = kinds(mlp(activation), torch.randn(16, 4))
    assert found == {(kind, "0", 5) for kind in expected} or (isinstance(activation, nn.Softmax) and found <= {("permutation", "0", 5)})


def test_counts() -> None:
    found = {s.kind: s for s in symmetries(mlp(nn.Tanh()), torch.randn(8, 4))}
    assert 10 ** found["permutation"].log10_count == pytest.approx(120) and 10 ** found["sign"].log10_count == pytest.approx(32)
    assert {s.kind: s.log10_count for s in symmetries(mlp(nn.ReLU()), torch.randn(8, 4))}["scale"] == math.inf


def test_channels_and_norms() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.ConvTranspose2d(8, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(6 * 16, 10), nn.LayerNorm(10),
    )  # fmt: skip
    assert kinds(model, torch.randn(4, 3, 8, 8)) == {
        ("norm scale", "0", 8), ("permutation", "0", 8), ("permutation", "3", 6), ("scale", "3", 6), ("norm scale", "7", 10),
    }  # fmt: skip


class Attention(nn.Module):
    """Fused projections, or three."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.inner = nn.Linear(12, 36) if fused else nn.ModuleList(nn.Linear(12, 12) for _ in range(3))
        self.out = nn.Linear(12, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, _ = x.shape
        parts = self.inner(x).chunk(3, -1) if self.fused else [f(x) for f in self.inner]  # type: ignore[union-attr, operator]
        q, k, v = (p.view(b, t, 3, 4).transpose(1, 2) for p in parts)
        return self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, 12))


@pytest.mark.parametrize("fused", [True, False])
def test_heads(fused: bool) -> None:
    torch.manual_seed(0)
    assert kinds(Attention(fused), torch.randn(2, 5, 12)) >= {("head", "out", 3)}


def test_torch_attention() -> None:
    torch.manual_seed(0)
    found = kinds(nn.TransformerEncoderLayer(12, 3, 20, batch_first=True), torch.randn(2, 5, 12))
    assert {k for k, _, _ in found} >= {"head", "permutation", "scale"}


class Tied(nn.Module):
    """The same weight twice, and units that a second reader tells apart."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.first(x))
        return self.first(self.second(h)) + h


def test_ties_and_skips_are_not_claimed() -> None:
    torch.manual_seed(0)
    assert kinds(Tied(), torch.randn(3, 4)) == set()


def test_a_position_dependent_scale_breaks_the_permutation() -> None:
    class Marked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(torch.tanh(self.a(x)) * torch.arange(5.0))

    torch.manual_seed(0)
    assert {k for k, _, _ in kinds(Marked(), torch.randn(3, 4))} == {"sign"}


class Hidden(nn.Module):
    """A branch that hardly counts, and a GELU written out."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.a(x)
        return x + 1e-7 * self.b(0.5 * h * (1.0 + torch.tanh(0.8 * (h + 0.045 * h.pow(3)))))


def test_what_hardly_counts_is_still_told_apart() -> None:
    torch.manual_seed(0)
    assert kinds(Hidden(), torch.randn(3, 4)) == {("permutation", "a", 6)}


def test_what_counts_nothing_proves_nothing() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
    nn.init.zeros_(model[2].weight)
    assert kinds(model, torch.randn(3, 4)) == set()
