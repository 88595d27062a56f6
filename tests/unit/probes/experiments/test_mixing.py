"""Whether samples keep apart, and where they do not; asked only where axis 0 is the samples."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.mixing import Mixing
from steadygrad.rules.specimens import batch, mlp

LABELS = torch.arange(16) % 4


class _Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.body, self.head, self.function = mlp(16, 8), mlp(8, 4), function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.function(self.body(x)))


def mixing(model: nn.Module, inputs: object = None, targets: torch.Tensor = LABELS, loss_fn=functional.cross_entropy) -> Mixing | None:
    return observe(Case(model, batch(16, 16) if inputs is None else inputs, targets, loss_fn)).experiments.get("mixing")


@pytest.mark.parametrize(
    ("function", "mixes"),
    [
        (lambda h: h - h.mean(0), True),
        (lambda h: h.cumsum(0), True),
        (lambda h: h.reshape(8, -1).T.reshape(-1, 8), True),
        (lambda h: h / h.norm(dim=1, keepdim=True), False),
        (lambda h: h.T.flip(0).T, False),
    ],
    ids=["centred over samples", "summed over samples", "reshaped across", "row by row", "transposed and back"],
)
def test_tells_samples_that_change_each_other_from_samples_that_do_not(function, mixes: bool) -> None:
    found = mixing(_Function(function))
    assert found is not None
    assert (found.change > 1e-3) == mixes
    assert mixes or found.change == 0.0


def test_names_the_module_that_mixes_and_the_one_around_a_function_that_does() -> None:
    class Over(nn.Module):
        def forward(self, h: torch.Tensor) -> torch.Tensor:
            return h - h.mean(0)

    assert mixing(nn.Sequential(mlp(16, 8), Over(), mlp(8, 4))).where == "1"  # type: ignore[union-attr]
    assert mixing(nn.Sequential(_Function(lambda h: h - h.mean(0)))).where == "0"  # type: ignore[union-attr]


def test_batch_norm_and_dropout_do_not_mix_in_eval_mode_and_the_mode_comes_back() -> None:
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4)).train()
    before = model[1].running_mean.clone()
    assert mixing(model) == Mixing(0.0)
    assert model.training and model[2].training
    assert torch.equal(model[1].running_mean, before)


def test_noise_that_does_not_repeat_says_nothing() -> None:
    rng = torch.Generator().manual_seed(0)
    assert mixing(_Function(lambda h: h + torch.randn(h.shape, generator=rng))) is None


def test_is_not_asked_where_axis_0_may_be_time_or_nodes() -> None:
    lstm = nn.LSTM(16, 4)

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = lstm

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x)[0].squeeze(1)

    assert mixing(Tagger()) is None  # one sequence of 16 times
    assert mixing(Tagger(), batch(16, 1, 16)) is None  # the same with a batch axis of one
    assert mixing(_Function(torch.relu), targets=LABELS[:4].repeat(4)) == Mixing(0.0)
    assert mixing(_Graph(), (batch(16, 16), torch.eye(16))) is None  # four rows of an adjacency matrix cannot be run


class _Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(16, 4)

    def forward(self, x: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
        return near @ self.body(x)
