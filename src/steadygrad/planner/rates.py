"""Learning rates that carry over from a narrow network to a wide one."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from torch import nn

from steadygrad.errors import InputError
from steadygrad.graph.wrappers import canonical
from steadygrad.planner.row import Row

if TYPE_CHECKING:
    from steadygrad.planner.plan import Plan

KINDS = ("adam", "sgd")


def factors(plan: "Plan", base: "Plan", optimizer: str) -> dict[str, float]:
    """Parameter → what the narrow model's learning rate is multiplied by in the wide one.

    With r the ratio of a fan to that of the base, updates of the same effect take

        adam: 1/r_in        sgd: r_out/r_in

    r_in = 1 for biases, shifts, norms' scales and tables. One rule for all of table 3: inputs have r_in = 1, outputs r_out = 1.
    "adam" stands for every optimizer whose step does not depend on the gradient's size: AdamW, Lion, sign descent.

    Source: Yang et al. 2022, arXiv:2203.03466, table 3; Yang, Simon & Bernstein 2023, arXiv:2310.17813, condition 1.

    Raises:
        InputError: another kind of optimizer; or the base lacks a parameter.
    """
    if optimizer not in KINDS:
        raise InputError(f"`optimizer` must be one of {', '.join(KINDS)}, got {optimizer!r}; every optimizer that normalizes its steps goes by 'adam'")
    narrow = {row.name: row for row in base.rows}
    found = {}
    for row in plan.rows:
        if row.role == "buffer":
            continue
        other = narrow.get(row.name)
        if other is None or len(other.shape) != len(row.shape):
            got = "none" if other is None else f"one of shape {other.shape}"
            raise InputError(f"`base` must be a plan of the same model, only narrower: for {row.name} of shape {row.shape} it has {got}")
        inward, outward = _ratios(row, other)
        found[row.name] = 1.0 / inward if optimizer == "adam" else outward / inward
    return found


def groups(plan: "Plan", model: nn.Module, lr: float, base: "Plan", optimizer: str) -> list[dict[str, Any]]:
    """See `Plan.groups`."""
    if not lr > 0.0:
        raise InputError(f"`lr` must be positive, got {lr!r}")
    by_factor: dict[float, list[nn.Parameter]] = defaultdict(list)
    found = factors(plan, base, optimizer)
    for name, parameter in model.named_parameters():
        if canonical(name) not in found:
            raise InputError(f"the plan is for another model: it has no {name}; make a plan for this one")
        if parameter.requires_grad:
            by_factor[found[canonical(name)]].append(parameter)
    return [{"params": parameters, "lr": lr * factor} for factor, parameters in sorted(by_factor.items())]


def _ratios(row: Row, other: Row) -> tuple[float, float]:
    """r_in and r_out."""
    if row.role in ("weight", "recurrent") and row.fans is not None and other.fans is not None:
        return row.fans.fan_in / other.fans.fan_in, row.fans.fan_out / other.fans.fan_out
    wide, narrow = (shape[-1] if shape else 1 for shape in (row.shape, other.shape))
    return 1.0, wide / max(narrow, 1)
