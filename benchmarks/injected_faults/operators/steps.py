"""Optimizers that step too far, too little, the wrong way, or on the wrong weights."""

from dataclasses import replace
from typing import Any

import torch
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.operator import operator
from torch import nn
from torch.optim import Optimizer

Made = tuple[Setting, tuple[Cause, ...]]


def _settings(optimizer: Optimizer) -> dict[str, Any]:
    return optimizer.param_groups[0]


def _set(base: Base, families: tuple[str, ...], **values: Any) -> Made | None:
    """Group options set to a value, or multiplied where the value is a function; None where there is no such option."""
    model = base.setting.network()
    assert base.setting.optimizer is not None
    if any(key not in _settings(base.setting.optimizer(model)) for key in values):
        return None

    def change(optimizer: Optimizer) -> None:
        for group in optimizer.param_groups:
            for key, value in values.items():
                group[key] = value(group[key]) if callable(value) else value

    return base.optimizer(change), tuple(Cause(family, ("optimizer",)) for family in families)


@operator
def rate_times_thousand(base: Base) -> Made | None:
    """The learning rate is a thousand times too high."""
    return _set(base, ("lr_high",), lr=lambda rate: rate * 1000)


@operator
def rate_times_sixty(base: Base) -> Made | None:
    """The learning rate is sixty times too high."""
    return _set(base, ("lr_high",), lr=lambda rate: rate * 60)


@operator
def rate_by_hundred_thousand(base: Base) -> Made | None:
    """The learning rate is a hundred thousand times too low."""
    return _set(base, ("lr_low",), lr=lambda rate: rate / 1e5)


@operator
def rate_by_thousand(base: Base) -> Made | None:
    """The learning rate is a thousand times too low."""
    return _set(base, ("lr_low",), lr=lambda rate: rate / 1e3)


@operator
def momentum_of_one(base: Base) -> Made | None:
    """Momentum 1: no step is ever forgotten."""
    return _set(base, ("optimizer",), momentum=1.0)


@operator
def dampened_away(base: Base) -> Made | None:
    """Dampening 1: after the first step the gradient no longer counts."""
    if "dampening" not in _settings(base.setting.optimizer(base.setting.network())):
        return None
    return _set(base, ("optimizer",), dampening=1.0, momentum=0.9, nesterov=False)


@operator
def large_eps(base: Base) -> Made | None:
    """An eps of 1000 in the denominator of Adam: the step is nearly nothing."""
    return _set(base, ("optimizer", "lr_low"), eps=1000.0)


@operator
def huge_weight_decay(base: Base) -> Made | None:
    """A weight decay that pulls every weight to zero within a few steps."""
    return _set(base, ("optimizer",), weight_decay=lambda old: 100.0)


@operator
def averages_that_never_fade(base: Base) -> Made | None:
    """Adam's betas are swapped."""
    return _set(base, ("optimizer",), betas=(0.999, 0.1))


@operator
def ascent(base: Base) -> Made | None:
    """maximize=True: the optimizer climbs."""
    return _set(base, ("gradient_sign",), maximize=True)


def _only(base: Base, wanted: Any, families: tuple[str, ...], starts: Any) -> Made:
    """The optimizer gets the parameters whose (name, parameter) is wanted."""
    healthy = base.setting.optimizer

    def make(model: nn.Module) -> Optimizer:
        chosen = [p for name, p in model.named_parameters() if wanted(name, p)]
        optimizer = healthy(model)
        optimizer.param_groups[0]["params"] = chosen
        return optimizer

    model = base.setting.network()
    missed = tuple(name.rpartition(".")[0] for name, p in model.named_parameters() if not wanted(name, p))
    places = ("optimizer", *missed) if starts is None else starts
    return replace(base.setting, optimizer=make), tuple(Cause(family, places) for family in families)


@operator
def biases_only(base: Base) -> Made:
    """The optimizer was given the biases and gains, not the weights."""
    return _only(base, lambda name, p: p.dim() <= 1, ("optimizer", "frozen"), None)


@operator
def parameters_of_another_model(base: Base) -> Made:
    """The optimizer holds the parameters of a copy, made before the model was built again."""

    def change(optimizer: Optimizer) -> None:
        for group in optimizer.param_groups:
            group["params"] = [torch.nn.Parameter(p.detach().clone()) for p in group["params"]]

    return base.optimizer(change), (Cause("optimizer", ("optimizer", "")), Cause("frozen", ("optimizer", "")))
