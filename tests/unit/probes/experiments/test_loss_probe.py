"""What the loss answers when it is asked with made-up outputs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.nn import functional

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.answers import class_axis, domain_of, neutral, right_and_wrong
from steadygrad.probes.experiments.loss_probe import LossProbe
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.rules.specimens import batch, mlp

LABELS = torch.arange(32) % 4


def probe(loss_fn: Callable[..., Any], targets: Any = LABELS, width: int = 4, last: nn.Module | None = None) -> LossProbe:
    model = nn.Sequential(mlp(16, 8, width), last or nn.Identity())
    result = observe(Case(model, batch(32, 16), targets, loss_fn)).experiments["loss"]
    assert isinstance(result, LossProbe)
    return result


@pytest.mark.parametrize(("reduction", "ratio"), [("mean", 2.0), ("sum", 1.0)])
def test_halves_tell_a_sum_from_a_mean(reduction: str, ratio: float) -> None:
    asked = probe(nn.CrossEntropyLoss(reduction=reduction))
    assert asked.halves is not None and asked.value is not None
    # 32 terms of float32: their sum is right to 32 roundings
    assert sum(asked.halves) / asked.value == pytest.approx(ratio, rel=32 * torch.finfo(torch.float32).eps)


def test_neutral_logits_cost_the_logarithm_of_the_classes() -> None:
    assert probe(functional.cross_entropy).neutral == pytest.approx(float(torch.log(torch.tensor(4.0))), rel=1e-6)


@pytest.mark.parametrize("last", [None, nn.Softmax(1), nn.LogSoftmax(1)], ids=["logits", "softmax", "log_softmax"])
def test_right_answers_cost_less_in_every_form(last: nn.Module | None) -> None:
    losses = {None: functional.cross_entropy, nn.Softmax: lambda p, y: functional.nll_loss(p.log(), y), nn.LogSoftmax: functional.nll_loss}
    asked = probe(losses[type(last) if last else None], last=last)
    assert asked.right is not None and asked.wrong is not None and asked.neutral is not None
    assert asked.right < asked.neutral < asked.wrong


@pytest.mark.parametrize("scale", [1.0, 1e5, 1e-4])
def test_squared_error_sees_its_targets_at_every_scale(scale: float) -> None:
    targets = scale * (batch(32, 1, seed=2) + 4)
    assert probe(functional.mse_loss, targets, 1).blind == ""


@pytest.mark.parametrize(
    ("loss_fn", "blind"),
    [
        (lambda p, t: (p - t.squeeze(1)).square().mean(), "order"),
        (lambda p, t: (p.mean() - t.mean()).square(), "order"),
        (lambda p, t: p.square().mean(), "all"),
        (lambda p, t: (p - t).abs().mean(), ""),
    ],
    ids=["broadcast", "mean against mean", "never read", "sample by sample"],
)
def test_blindness(loss_fn: Callable[..., Any], blind: str) -> None:
    assert probe(loss_fn, batch(32, 1, seed=2), 1).blind == blind


def test_a_loss_that_raises_on_made_up_answers_stays_unknown() -> None:
    calls = []

    def once(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) > 1:
            raise ValueError("once only")
        return functional.cross_entropy(outputs, targets)

    assert probe(once) == LossProbe()


def test_a_loss_that_writes_into_its_arguments_does_not_spoil_the_next_question() -> None:
    def careless(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(outputs, targets.mul_(0.5))

    targets = batch(32, 1, seed=2)
    asked = probe(careless, targets, 1)
    assert asked.halves is not None and asked.value is not None
    assert sum(asked.halves) / 2 == pytest.approx(asked.value, rel=32 * torch.finfo(torch.float32).eps)
    assert torch.equal(targets, batch(32, 1, seed=2))


class Pair(NamedTuple):
    first: torch.Tensor
    rest: dict[str, Any]


def test_structures_are_rebuilt_with_their_types() -> None:
    value = [Pair(torch.ones(2), {"x": (torch.ones(1), 3, None), "name": "a"})]
    made = mapped(value, lambda t: t + 1)
    assert isinstance(made[0], Pair) and made[0].rest["x"][1:] == (3, None) and made[0].rest["name"] == "a"
    assert float(made[0].first.sum()) == 4.0 and float(value[0].first.sum()) == 2.0
    assert mapped(object(), torch.clone) is None


@pytest.mark.parametrize(
    ("tensor", "domain"),
    [
        (batch(8, 4), "logits"),
        (batch(8, 4).softmax(1), "probabilities"),
        (batch(8, 4).log_softmax(1), "log-probabilities"),
        (batch(8, 4).sigmoid(), "unit"),
        (batch(8, 1), "values"),
        (batch(8), "values"),
        (torch.full((8, 4), torch.nan), "values"),
    ],
    ids=["logits", "softmax", "log_softmax", "sigmoid", "one output", "flat", "not a number"],
)
def test_the_form_of_outputs_is_recognised_and_kept(tensor: torch.Tensor, domain: str) -> None:
    assert domain_of(tensor) == domain
    made = neutral(domain_of(tensor), tensor)
    assert made is not None and made.shape == tensor.shape
    if domain in ("probabilities", "log-probabilities"):
        assert domain_of(made) == domain


def test_no_answer_is_made_up_where_the_targets_do_not_say_which() -> None:
    assert right_and_wrong("logits", batch(8, 4), batch(8, 3)) == (None, None)
    assert right_and_wrong("logits", batch(8, 4), torch.full((8,), 9)) == (None, None)
    assert right_and_wrong("values", batch(8, 1), torch.ones(8, 1)) == (None, None)


def by_hand(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()


@pytest.mark.parametrize(("loss_fn", "keeps"), [(by_hand, 1.0), (functional.mse_loss, 0.1)], ids=["logarithm", "square"])
def test_near_the_bounds_a_logarithm_falls_as_much_with_every_tenth_and_a_square_a_tenth(loss_fn: Callable[..., Any], keeps: float) -> None:
    asked = probe(loss_fn, targets=(LABELS[:, None] + 2.0), width=1, last=nn.Sigmoid())  # 2 … 5, all beyond 1
    assert asked.near_bounds is not None
    far, near, nearest = asked.near_bounds
    # d/dp of a square varies by a few per cent between p = 0.9 and 0.99; log(1 − p) is exact but for the term log p
    assert (near - nearest) / (far - near) == pytest.approx(keeps, rel=0.15)


def test_targets_within_the_bounds_are_not_asked_about() -> None:
    assert probe(by_hand, targets=(LABELS[:, None] / 4.0), width=1, last=nn.Sigmoid()).near_bounds is None
    assert probe(functional.mse_loss, targets=(LABELS[:, None] + 2.0), width=1).near_bounds is None


@pytest.mark.parametrize(
    ("outputs", "targets", "axis"),
    [
        ((6, 3, 5, 7), torch.zeros(6, 5, 7, dtype=torch.long), 1),
        ((6, 5, 3), torch.zeros(6, 5, dtype=torch.long), 2),
        ((6, 5, 5), torch.zeros(6, 5, dtype=torch.long), None),  # either axis may be the classes
        ((6, 5, 3), functional.one_hot(torch.arange(30).reshape(6, 5) % 3, 3).float(), 2),
        ((6, 3, 5), functional.one_hot(torch.arange(30).reshape(6, 5) % 3, 3).movedim(-1, 1).float(), 1),
        ((6, 3), torch.rand(6, 3, generator=torch.Generator().manual_seed(0)), None),  # values
        ((6, 3), torch.zeros(6), None),
    ],
)  # fmt: skip
def test_the_class_axis_is_the_one_that_class_numbers_lack_and_shares_add_up_along(outputs, targets, axis) -> None:
    assert class_axis(torch.zeros(outputs), targets) == axis
