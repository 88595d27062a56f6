"""Write a plan into a model: everything is checked first, then drawn."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from steadygrad.drawing import check_drawable, draw_
from steadygrad.errors import InputError
from steadygrad.graph.wrappers import canonical, unwrap
from steadygrad.planner import parametrized
from steadygrad.planner.materialize import check_complete, give_memory
from steadygrad.planner.parametrized import Parametrized
from steadygrad.planner.row import Row
from steadygrad.randomness.law import Independent

if TYPE_CHECKING:
    from steadygrad.planner.plan import Plan


def apply_(plan: "Plan", model: nn.Module, device: torch.device | str | None = None) -> None:
    """See `Plan.apply_`."""
    inner, _ = unwrap(model)
    _fits(plan, named(inner))
    if device is not None:
        check_complete(plan, inner)
        give_memory(inner, device)
    write(inner, plan.rows, plan.seed)


def write(model: nn.Module, rows: Iterable[Row], seed: int) -> None:
    """Draw rows into a model that they fit.

    Raises:
        InputError: a tensor that cannot be drawn into; then nothing was written.
    """
    tensors = named(model)
    work = [row for row in rows if row.action != "keep" and tensors[row.name].numel()]
    for row in work:
        _check(row, tensors[row.name])
    computed, done = parametrized.found(model), set[str]()
    with torch.no_grad():
        for row in work:
            weight = computed.get(row.name)
            if weight is None:
                _write(tensors[row.name], row, seed)
            elif weight.name not in done:  # all that it is computed from is set at once
                done.add(weight.name)
                _compute(weight, row, seed)
        for row in work:
            if row.subtract is not None:
                name, axis, origin = row.subtract
                matrix = computed[name].value() if name in computed else tensors[name]
                tensors[row.name].sub_(origin * matrix.movedim(axis, 0).flatten(1).sum(1))


def _check(row: Row, target: torch.Tensor) -> None:
    if target.is_meta:
        raise InputError(f"`{row.name}` of shape {row.shape} on the meta device has no memory to draw into; give it some: plan.apply_(model, device='cpu')")
    try:
        if row.role != "buffer":
            check_drawable(target)
    except InputError as error:
        raise InputError(f"`{row.name}`: {error}; or leave it out by keep=[{row.name!r}]") from None


def _fits(plan: "Plan", tensors: dict[str, torch.Tensor]) -> None:
    for row in plan.rows:
        target = tensors.get(row.name)
        if target is not None and nn.parameter.is_lazy(target):
            raise InputError(f"`{row.name}` must have shape {row.shape}, got none yet; run model(inputs) once, or call initialize_(model, inputs)")
        if target is None or tuple(target.shape) != row.shape:
            got = "none of that name" if target is None else f"shape {tuple(target.shape)}"
            raise InputError(f"the plan is for another model: `{row.name}` must have shape {row.shape}, got {got}; make a plan for this one")


def named(model: nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and buffer under its canonical names."""
    found: dict[str, torch.Tensor] = {canonical(n): p for n, p in model.named_parameters(remove_duplicate=False)}
    found.update({canonical(n): b for n, b in model.named_buffers(remove_duplicate=False)})
    return found


def _write(target: torch.Tensor, row: Row, seed: int) -> None:
    law = row.law
    assert law is not None  # only kept rows have none
    if isinstance(law, Independent) and law.kind == "constant":
        target.fill_(law.mean)
    else:
        draw_(target, law, name=row.names or row.name, seed=seed)


def _compute(weight: Parametrized, row: Row, seed: int) -> None:
    """Draw what the plain model would have, and let the parametrization store it."""
    value = torch.empty_like(weight.value())
    _write(value, replace(row, names=(weight.name,)), seed)
    weight.set_(value)
