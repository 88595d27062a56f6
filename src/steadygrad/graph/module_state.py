"""State that belongs to modules: flags, hooks, buffers, tensors and plain values kept as attributes."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from steadygrad.graph.sharded import reshard

CONTAINERS = (dict, list, set)
NOTHING: dict[type, Any] = {dict: {}, list: [], set: set()}
"""What stands for a copy of an empty container: nearly all of a module's are, and one each for thousands of modules keeps the garbage collector busy."""


class ModuleState:
    """A snapshot of one module tree; `restore()` puts back every attribute, buffer, flag and hook.

    Parameters are recorded by identity only; their values are guarded elsewhere. Attributes that are plain values are
    kept as they are, containers with their contents one level deep, tensors by copy.
    """

    def __init__(self, model: nn.Module) -> None:
        self._modules = [module for module in model.modules() if not isinstance(module, torch.jit.ScriptModule)]
        self._attributes = [dict(vars(module)) for module in self._modules]
        self._contents = [_contents(saved) for saved in self._attributes]
        self._tensors: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._copied: set[int] = set()
        self._scripted = [(m, m.training) for m in model.modules() if isinstance(m, torch.jit.ScriptModule)]
        for tensor in self._held_tensors(model):
            if id(tensor) not in self._copied and not tensor.is_meta:
                self._copied.add(id(tensor))
                self._tensors.append((tensor, tensor.detach().clone()))

    def _held_tensors(self, model: nn.Module) -> Iterator[torch.Tensor]:
        """Buffers, and tensors that modules keep as attributes or in their containers."""
        yield from (buffer for buffer in model.buffers() if buffer is not None)
        for saved, contents in zip(self._attributes, self._contents, strict=True):
            values = [v for k, v in saved.items() if k != "_parameters"]
            for key, content in contents.items():
                if key != "_parameters":
                    values.extend(content.values() if isinstance(content, dict) else content)
            yield from (v for v in values if isinstance(v, torch.Tensor) and not isinstance(v, nn.Parameter))

    def restore(self) -> None:
        """Put everything back, in place where objects are shared."""
        reshard(self._modules)
        for module, saved, contents in zip(self._modules, self._attributes, self._contents, strict=True):
            current = vars(module)
            for key in [key for key in current if key not in saved]:
                del current[key]
            current.update(saved)
            for key, content in contents.items():
                _refill(saved[key], content)
        for module, training in self._scripted:
            if module.training != training:
                module.train(training)
        with torch.no_grad():
            for tensor, copy in self._tensors:
                if not _same_bits(tensor, copy):
                    tensor.data.copy_(copy)


def _contents(saved: dict[str, Any]) -> dict[str, Any]:
    """Shallow copies of the containers among a module's attributes (parameters, buffers, hooks, lists, dicts)."""
    return {key: value.copy() if value else _nothing(value) for key, value in saved.items() if isinstance(value, CONTAINERS) and hasattr(value, "copy")}


def _nothing(container: Any) -> Any:
    return next(empty for kind, empty in NOTHING.items() if isinstance(container, kind))


def _refill(container: Any, content: Any) -> None:
    if isinstance(container, list):
        if len(container) != len(content) or any(a is not b for a, b in zip(container, content, strict=True)):
            container[:] = content
        return
    if isinstance(container, dict):
        same = list(container) == list(content) and all(container[k] is content[k] for k in content)
    else:
        same = container == content
    if not same:
        container.clear()
        container.update(content)


def _same_bits(tensor: torch.Tensor, copy: torch.Tensor) -> bool:
    if tensor.shape != copy.shape or tensor.dtype != copy.dtype:
        return False
    try:
        return bool(torch.equal(tensor, copy))
    except (RuntimeError, NotImplementedError):
        return False
