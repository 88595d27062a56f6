"""Other norms in place of batch norms, with what they learned."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.normalization import layers as L
from steadygrad.normalization.tools.find import require_batch_norms


def _groups(channels: int) -> int:
    """The largest divisor up to 32 that leaves two channels or more."""
    return max(g for g in range(1, 33) if channels % g == 0 and (channels // g >= 2 or g == 1))


MAKERS: dict[str, Callable[[int], nn.Module]] = {
    "batch": L.BatchNorm,
    "batch-renorm": L.BatchRenorm,
    "ghost-batch": L.GhostBatchNorm,
    "sync-batch": L.SyncBatchNorm,
    "group": lambda c: L.GroupNorm(_groups(c), c),
    "instance": lambda c: L.InstanceNorm(c, affine=True),
    "filter-response": L.FilterResponseNorm,
    "torch-1d": nn.BatchNorm1d,
    "torch-2d": nn.BatchNorm2d,
    "torch-3d": nn.BatchNorm3d,
}


def replace(model: nn.Module, norm: str | Callable[[int], nn.Module], *, only: Iterable[str] | None = None) -> list[str]:
    """Put another norm where each batch norm of `model` is, in place; returns their paths.

    Carried over by name, wherever both have it: γ, β, running statistics, the count of batches, eps and momentum; also
    device, requires_grad and train/eval mode. A norm shared by several paths stays shared. One with modules of its own behind
    the normalizing (timm's, with dropout and activation) becomes a Sequential of the new `norm` and those. Nothing changes
    unless all replacements could be built. Build the optimizer afterwards.

    Args:
        model: any model.
        norm: a name (batch, batch-renorm, ghost-batch, sync-batch, group, instance, filter-response, torch-1d …) or a
            function from the number of channels to a module.
        only: paths; None for all.

    Raises:
        InputError: an unknown name or path; what the new norm raises when built (groups that do not divide …).
        ModelError: the model has no batch norm, or is one itself.
    """
    if isinstance(norm, str) and norm not in MAKERS:
        raise InputError(f"replace: `norm` must be one of {', '.join(MAKERS)} or a function of the channels, got {norm!r}")
    make = MAKERS[norm] if isinstance(norm, str) else norm
    found = require_batch_norms("replace", model)
    wanted = list(found if only is None else only)
    for path in wanted:
        if path not in found or not path:
            raise InputError(f"replace: `{path}` cannot be replaced, got only={wanted!r}; there are {', '.join(map(repr, found))}")
    new = {id(found[path]): _with_children(found[path], _carry(found[path], make(found[path].running_mean.numel()))) for path in wanted}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if id(child) in new:
                setattr(parent, name, new[id(child)])
    return wanted


def _with_children(old: nn.Module, new: nn.Module) -> nn.Module:
    children = dict(old.named_children())
    return nn.Sequential(OrderedDict(norm=new, **children)).train(old.training) if children else new


@torch.no_grad()
def _carry(old: nn.Module, new: nn.Module) -> nn.Module:
    new = new.to(device=old.running_mean.device, dtype=old.running_mean.dtype)
    for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        source, target = getattr(old, name, None), getattr(new, name, None)
        if isinstance(source, torch.Tensor) and isinstance(target, torch.Tensor) and source.shape == target.shape:
            target.copy_(source)
        if isinstance(source, nn.Parameter) and isinstance(target, nn.Parameter):
            target.requires_grad_(source.requires_grad)
    for name in ("weight", "bias"):
        if getattr(old, name, None) is None and isinstance(getattr(new, name, None), nn.Parameter):
            getattr(new, name).requires_grad_(False)  # the old one had none to learn: 1 and 0 stay
    if hasattr(new, "running_var"):
        for name in ("eps", "momentum"):
            if hasattr(old, name):
                setattr(new, name, getattr(old, name))
    return new.train(old.training)
