"""Give a model on the meta device its numbers, straight from a plan: nothing is drawn twice, and ties stay ties."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.graph.wrappers import canonical

if TYPE_CHECKING:
    from steadygrad.planner.plan import Plan


def check_complete(plan: "Plan", model: nn.Module) -> None:
    """Refuse a model on meta of which a plan would keep numbers: there are none.

    Raises:
        InputError: names them.
    """
    kept = [row.name for row in plan.rows if row.action == "keep"]
    tensors = {canonical(n): t for n, t in (*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False))}
    lost = [name for name in kept if name in tensors and tensors[name].is_meta]
    if lost:
        names = ", ".join(f"`{name}`" for name in lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
        raise InputError(
            f"tensors that a plan keeps must have numbers, got {names} on the meta device; say what they are drawn from with overrides={{…}}, "
            "or build the model on a device"
        )


def give_memory(model: nn.Module, device: torch.device | str) -> None:
    """Replace every tensor on meta by an uninitialized one on `device`; a tensor at two places stays one."""
    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.is_meta:
                if id(parameter) not in made:
                    made[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device=device), requires_grad=parameter.requires_grad)
                module._parameters[name] = made[id(parameter)]  # type: ignore[assignment]
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_meta:
                made.setdefault(id(buffer), torch.empty_like(buffer, device=device))
                module._buffers[name] = made[id(buffer)]
