"""Which side of a loss is the prediction, which the target, and what made the prediction."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.rules.logarithms import Logarithm, logarithms
from steadygrad.rules.pairing import Pairing, call_of, output_range, pairings
from steadygrad.rules.specimens import batch, mlp

INPUTS, TARGETS = batch(8, 16), batch(8, 1, seed=2)


def pair(loss_fn: Callable[..., Any], model: nn.Module | None = None, targets: torch.Tensor = TARGETS) -> Pairing:
    (found,) = pairings(observe(Case(model or mlp(16, 8, 1), INPUTS, targets, loss_fn)))
    return found


def log_of(loss_fn: Callable[..., Any], model: nn.Module) -> Logarithm:
    return next(logarithms(observe(Case(model, INPUTS, torch.arange(8) % 4, loss_fn))))


@pytest.mark.parametrize(
    ("loss_fn", "op"),
    [
        (nn.functional.mse_loss, "mse_loss"),
        (lambda p, t: nn.functional.mse_loss(t, p), "mse_loss"),
        (lambda p, t: nn.functional.l1_loss(p.squeeze(1), t.squeeze(1).float()), "l1_loss"),
        (lambda p, t: (p - t).square().mean(), "difference"),
        (lambda p, t: (t - p).abs().mean(), "difference"),
    ],
    ids=["mse", "arguments swapped", "squeezed and cast", "by hand", "by hand, swapped"],
)
def test_sides_are_told_apart_in_every_spelling(loss_fn: Callable[..., Any], op: str) -> None:
    found = pair(loss_fn)
    assert (found.op, found.head.where, found.head.op) == (op, "2", "linear")
    assert found.target is not None and found.target.name == "targets" and found.as_given


def test_a_target_that_was_changed_on_the_way_is_not_as_given() -> None:
    found = pair(lambda p, t: nn.functional.mse_loss(p, t / 255))
    assert found.target is not None and not found.as_given


def test_an_input_can_be_the_target() -> None:
    evidence = observe(Case(mlp(16, 8, 16), INPUTS, INPUTS, nn.functional.mse_loss))
    (found,) = pairings(evidence)
    assert found.target is not None and found.target.name == "inputs" and found.head.where == "2"


def test_two_losses_are_two_pairings() -> None:
    evidence = observe(Case(mlp(16, 8, 1), INPUTS, TARGETS, lambda p, t: nn.functional.mse_loss(p, t) + nn.functional.l1_loss(p, t)))
    assert [p.op for p in pairings(evidence)] == ["mse_loss", "l1_loss"]


def test_a_loss_that_is_not_added_is_no_pairing() -> None:
    def watched(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        nn.functional.l1_loss(p, t)  # a metric
        return nn.functional.mse_loss(p, t)

    assert pair(watched).op == "mse_loss"


def test_without_a_loss_nothing_pairs() -> None:
    assert not list(pairings(observe(Case(mlp(16, 8, 1), INPUTS))))


@pytest.mark.parametrize(
    ("module", "interval"),
    [(nn.Sigmoid(), (0, 1)), (nn.Tanh(), (-1, 1)), (nn.ReLU(), (0, math.inf)), (nn.Hardtanh(-2, 3), (-2, 3)), (nn.Softmax(1), (0, 1)), (nn.GELU(), None)],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_output_range_holds_what_the_activation_makes(module: nn.Module, interval: tuple[float, float] | None) -> None:
    found = output_range(pair(nn.functional.mse_loss, nn.Sequential(mlp(16, 8, 1), module)).head)
    assert found == interval
    if interval is not None:
        made = module(100 * batch(1000, 4))
        assert interval[0] <= float(made.min()) and float(made.max()) <= interval[1]


def test_code_refers_to_modules_as_python_does() -> None:
    assert (call_of(""), call_of("head.fc"), call_of("layers.2.act")) == ("model", "model.head.fc", "model.layers[2].act")


def _picked(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return p.gather(1, y[:, None])


@pytest.mark.parametrize(
    ("loss_fn", "clamped", "normalized"),
    [
        (lambda p, y: -_picked(p, y).log().mean(), False, False),
        (lambda p, y: -p.log().gather(1, y[:, None]).mean(), False, False),
        (lambda p, y: -(nn.functional.one_hot(y, 4).float() * p.log()).sum(1).mean(), False, False),
        (lambda p, y: -_picked(p.clamp(1e-7, 1), y).log().mean(), True, False),
        (lambda p, y: -_picked(p + 1e-7, y).log().mean(), True, False),
        (lambda p, y: -_picked(p / p.sum(1, keepdim=True), y).log().mean(), False, True),
        (lambda p, y: -(1 - _picked(p, y)).log().mean(), False, False),
    ],
    ids=["picked first", "picked after", "one-hot", "clamped", "epsilon", "divided by its sum", "one minus"],
)
def test_logarithms_are_seen_through_what_guards_them(loss_fn: Callable[..., Any], clamped: bool, normalized: bool) -> None:
    found = log_of(loss_fn, nn.Sequential(mlp(16, 8, 4), nn.Softmax(1)))
    assert found.head.op == "softmax" and found.in_loss and found.moved
    assert (found.clamped, found.normalized) == (clamped, normalized)
