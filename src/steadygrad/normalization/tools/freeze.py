"""Freeze batch norms so that they stay frozen when somebody calls `model.train()`."""

from collections.abc import Iterable

from torch import nn

from steadygrad.errors import InputError
from steadygrad.normalization.tools.find import batch_norms, require_batch_norms


def freeze(model: nn.Module, *, only: Iterable[str] | None = None, affine: bool = True) -> list[str]:
    """Let batch norms use and keep their running statistics for good; returns their paths.

    A frozen module is in eval mode and stays there through every later `.train()` of it or of a parent (torch alone
    forgets: pytorch#86590). With `affine` γ and β get requires_grad=False too; set it before building the optimizer.
    Undone by `unfreeze`. Copies and checkpoints of whole modules keep it; a state_dict does not carry it.

    Args:
        model: any model.
        only: paths; None for all batch norms.
        affine: freeze γ and β too.

    Raises:
        InputError: a path that is no batch norm.
        ModelError: the model has none.
    """
    found = _chosen("freeze", model, only)
    for module in found.values():
        if not is_frozen(module):
            module.was_training = module.training
            module.was_trained = [name for name, p in module.named_parameters(recurse=False) if p.requires_grad and affine]
            module.__class__ = _frozen(type(module))
        module.train(False)
        for name in module.was_trained:
            getattr(module, name).requires_grad_(False)
    return list(found)


def unfreeze(model: nn.Module, *, only: Iterable[str] | None = None) -> list[str]:
    """Undo `freeze`: class, mode and requires_grad as they were then; returns the paths that were frozen.

    Raises:
        InputError: a path that is no batch norm.
    """
    thawed = []
    for path, module in _chosen("unfreeze", model, only).items():
        if is_frozen(module):
            module.__class__ = type(module).__mro__[2]
            module.train(module.was_training)
            for name in module.was_trained:
                getattr(module, name).requires_grad_(True)
            del module.was_training, module.was_trained
            thawed.append(path)
    return thawed


def is_frozen(module: nn.Module) -> bool:
    """Whether `freeze` holds this module."""
    return isinstance(module, Frozen)


class Frozen:
    """Mixed into the class of a frozen module: training mode is refused, silently."""

    def train(self, mode: bool = True) -> nn.Module:
        """Stay in eval mode."""
        return super().train(False)  # type: ignore[misc]

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Copied and saved as the plain class, then frozen again: the mixed class has no name to import."""
        return _rebuild, (type(self).__mro__[2],), self.__dict__.copy()


_CLASSES: dict[type, type] = {}


def _frozen(plain: type) -> type:
    if plain not in _CLASSES:
        _CLASSES[plain] = type(f"Frozen{plain.__name__}", (Frozen, plain), {})
    return _CLASSES[plain]


def _rebuild(plain: type) -> nn.Module:
    return plain.__new__(_frozen(plain))


def _chosen(tool: str, model: nn.Module, only: Iterable[str] | None) -> dict[str, nn.Module]:
    found = require_batch_norms(tool, model) if only is None else dict(batch_norms(model))
    if only is None:
        return found
    wanted = list(only)
    for path in wanted:
        if path not in found:
            raise InputError(f"{tool}: `{path}` is no batch norm, got {wanted!r}; there are {', '.join(map(repr, found)) or 'none'}")
    return {path: found[path] for path in wanted}
