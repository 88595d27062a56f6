"""Which modules are batch norms with running statistics, by what they have rather than what they are called."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.instancenorm import _InstanceNorm

from steadygrad.errors import ModelError


def batch_norms(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(path, module) of each module with a mean and a variance per channel that it runs itself, shared ones once.

    torch's, timm's, steadygrad's and others with torch's names; instance norms are left out.
    """
    for path, module in model.named_modules():
        mean, var = getattr(module, "running_mean", None), getattr(module, "running_var", None)
        if isinstance(mean, torch.Tensor) and isinstance(var, torch.Tensor) and mean.ndim == 1 and not isinstance(module, _InstanceNorm):
            yield path, module


def require_batch_norms(tool: str, model: nn.Module) -> dict[str, nn.Module]:
    """All of them by path.

    Raises:
        ModelError: there are none.
    """
    found = dict(batch_norms(model))
    if not found:
        kinds = sorted({type(m).__name__ for m in model.modules()})
        raise ModelError(f"{tool}: the model has no batch norm with running statistics, got modules {', '.join(kinds[:12])}")
    return found


def never_collected(module: nn.Module) -> bool:
    """The statistics are the starting values, of no batch."""
    tracked = getattr(module, "num_batches_tracked", None)
    if isinstance(tracked, torch.Tensor) and int(tracked) > 0:
        return False
    return not bool(module.running_mean.any()) and bool((module.running_var == 1).all())
