"""Write a plan into a model: everything is checked first, then drawn."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from steadygrad.drawing import check_drawable, draw_
from steadygrad.errors import InputError
from steadygrad.graph.wrappers import canonical, unwrap
from steadygrad.planner.materialize import check_complete, give_memory
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
        if row.role != "buffer":
            check_drawable(tensors[row.name])
    with torch.no_grad():
        for row in work:
            _write(model, tensors[row.name], row, seed)
        for row in work:
            if row.subtract is not None:
                weight, axis, origin = row.subtract
                tensors[row.name].sub_(origin * tensors[weight].movedim(axis, 0).flatten(1).sum(1))


def _fits(plan: "Plan", tensors: dict[str, torch.Tensor]) -> None:
    for row in plan.rows:
        target = tensors.get(row.name)
        if target is None or tuple(target.shape) != row.shape:
            got = "none of that name" if target is None else f"shape {tuple(target.shape)}"
            raise InputError(f"the plan is for another model: `{row.name}` must have shape {row.shape}, got {got}; make a plan for this one")


def named(model: nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and buffer under its canonical names."""
    found: dict[str, torch.Tensor] = {canonical(n): p for n, p in model.named_parameters(remove_duplicate=False)}
    found.update({canonical(n): b for n, b in model.named_buffers(remove_duplicate=False)})
    return found


def _write(model: nn.Module, target: torch.Tensor, row: Row, seed: int) -> None:
    law = row.law
    assert law is not None  # only kept rows have none
    if isinstance(law, Independent) and law.kind == "constant":
        target.fill_(law.mean)
        return
    owner, attribute = parametrized(model, row.name)
    if owner is not None:  # a function of the tensors that are stored: set through its inverse
        value = torch.empty_like(getattr(owner, attribute))
        setattr(owner, attribute, draw_(value, law, name=row.names or row.name, seed=seed))
        return
    draw_(target, law, name=row.names or row.name, seed=seed)
    old = _weight_norm_partner(model, row.name)
    if old is not None:
        hook, magnitude = old
        magnitude.copy_(torch.norm_except_dim(target, 2, hook.dim))


def parametrized(model: nn.Module, name: str) -> tuple[Any, str]:
    """(module, attribute) of the tensor that a stored parametrization original stands for; (None, "") for plain parameters."""
    path, mark, rest = name.partition(".parametrizations.") if ".parametrizations." in name else ("", "", "")
    if not mark and name.startswith("parametrizations."):
        path, mark, rest = "", "parametrizations.", name.removeprefix("parametrizations.")
    if not mark:
        return None, ""
    return model.get_submodule(path), rest.split(".")[0]


def _weight_norm_partner(model: nn.Module, name: str) -> tuple[Any, torch.Tensor] | None:
    """The hook and magnitude of torch's old weight_norm for its direction `…_v`."""
    path, _, attribute = name.rpartition(".")
    if not attribute.endswith("_v"):
        return None
    module = model.get_submodule(path)
    for hook in module._forward_pre_hooks.values():
        if type(hook).__name__ == "WeightNorm" and getattr(hook, "name", None) == attribute[:-2]:
            return hook, getattr(module, f"{attribute[:-2]}_g")
    return None
