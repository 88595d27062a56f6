"""Inputs and targets that are wrong."""

from collections.abc import Callable

import torch
from benchmarks.faulty_programs.program import Cause, Setting
from benchmarks.injected_faults.base import Base
from benchmarks.injected_faults.operator import operator
from torch import Tensor

Made = tuple[Setting, tuple[Cause, ...]]


def _inputs(base: Base, change: Callable[[Tensor], Tensor]) -> Made | None:
    if not base.setting.data(0).inputs.is_floating_point():
        return None
    return base.data(lambda data: data.changed(inputs=change)), (Cause("input_scale", ("inputs",)),)


@operator
def inputs_times_three_hundred(base: Base) -> Made | None:
    """Inputs in units three hundred times too small, as pixels of 0 … 255."""
    return _inputs(base, lambda x: x * 300.0)


@operator
def inputs_by_thousand(base: Base) -> Made | None:
    """Inputs divided a thousand times too often."""
    return _inputs(base, lambda x: x / 1000.0)


@operator
def inputs_off_centre(base: Base) -> Made | None:
    """Inputs that vary by 1 around 300."""
    return _inputs(base, lambda x: x + 300.0)


@operator
def one_large_feature(base: Base) -> Made | None:
    """One column in units ten thousand times smaller than the others'."""
    if base.setting.data(0).inputs.dim() != 2 or base.task == "values" and base.setting.data(0).targets.shape[-1] > 1:
        return None
    factors = torch.ones(base.setting.data(0).inputs.shape[1])
    factors[len(factors) // 2] = 1e4
    return _inputs(base, lambda x: x * factors)


@operator
def inputs_of_zero(base: Base) -> Made | None:
    """All inputs are zero, as after a broken loader."""
    return _inputs(base, lambda x: x * 0.0)


@operator
def missing_values(base: Base) -> Made | None:
    """One number in a thousand is missing, and NaN stands in its place."""

    def change(x: Tensor) -> Tensor:
        return torch.where(torch.arange(x.numel()).view_as(x) % 997 == 5, torch.nan, x)

    return _inputs(base, change)


@operator
def targets_times_ten_thousand(base: Base) -> Made | None:
    """Values in units ten thousand times too small."""
    if base.task != "values":
        return None
    return base.data(lambda data: data.changed(targets=lambda y: y * 1e4 + 3e4)), (Cause("target_scale", ("targets",)),)


@operator
def labels_by_255(base: Base) -> Made | None:
    """Targets were divided by 255 together with the inputs."""
    if base.task != "binary":
        return None
    return base.data(lambda data: data.changed(targets=lambda y: y / 255)), (Cause("labels", ("targets", "loss")), Cause("target_scale", ("targets",)))


@operator
def labels_all_the_same(base: Base) -> Made | None:
    """Every label is zero, as after reading the wrong column."""
    if base.task not in ("classes", "binary", "probabilities"):
        return None
    return base.data(lambda data: data.changed(targets=lambda y: y * 0)), (Cause("labels", ("targets",)),)
