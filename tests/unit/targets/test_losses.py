"""Losses by name: targets they are defined for, and clear words where there are none."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from steadygrad.case import Case
from steadygrad.errors import InputError
from steadygrad.targets.losses import SHORT, with_loss

NET = nn.Linear(6, 4)
X = torch.randn(16, 6)


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
@pytest.mark.parametrize(
    "loss", ["cross_entropy", "nll_loss", "multi_margin_loss", "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits",
             "soft_margin_loss", "hinge_embedding_loss", "kl_div", "poisson_nll_loss", "multilabel_soft_margin_loss", "ce", "mse", "bce_with_logits"],
)  # fmt: skip
def test_made_up_targets_give_a_finite_loss(loss: str) -> None:
    case = with_loss(Case(NET, X), loss)
    value = case.loss_fn(NET(X), case.targets)
    assert value.ndim == 0 and torch.isfinite(value) and case.generated
    assert torch.equal(case.targets, with_loss(Case(NET, X), loss).targets)


def test_short_names_are_long_names() -> None:
    assert all(hasattr(functional, long) for long in SHORT.values())
    assert with_loss(Case(NET, X), "ce").loss_fn is functional.cross_entropy


def test_own_targets_are_kept() -> None:
    targets = torch.zeros(16, 4)
    case = with_loss(Case(NET, X, targets), "mse_loss")
    assert case.targets is targets and not case.generated


def test_words_are_predicted_position_by_position() -> None:
    net, words = nn.Sequential(nn.Embedding(11, 8), nn.Linear(8, 11)), torch.randint(0, 11, (3, 5))
    case = with_loss(Case(net, words), "cross_entropy")
    assert case.targets.shape == (3, 5) and torch.isfinite(case.loss_fn(net(words), case.targets))


def test_classes_are_the_second_axis_elsewhere() -> None:
    case = with_loss(Case(nn.Conv2d(3, 5, 1), torch.randn(2, 3, 4, 4)), "cross_entropy")
    assert case.targets.shape == (2, 4, 4) and int(case.targets.max()) < 5


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x):
        return self.layer(x), self.layer(x)


@pytest.mark.parametrize(
    ("model", "loss", "message"),
    [(NET, "cross_entropie", "must name a loss .* for example cross_entropy"), (NET, "relu", "must name a loss"),
     (Two(), "mse", "needs a model that returns one tensor, got tuple"), (NET, "multilabel_margin_loss", "cannot be made up for outputs of shape"),
     (nn.Sequential(NET, nn.Flatten(0)), "cross_entropy", r"needs outputs of shape \(batch, classes, …\), got \(64,\)")],
)  # fmt: skip
def test_refusals_say_what_to_do(model: nn.Module, loss: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_loss(Case(model, X), loss)
