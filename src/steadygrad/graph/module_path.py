"""Which module is running: a stack kept by process-wide module hooks, so that the model's own hooks stay untouched."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from steadygrad.graph.wrappers import canonical


class ModulePath:
    """Context manager; `current()` is the path of the innermost module being executed, and its call number.

    A module that is no part of `model` (a loss module, one made during the forward) counts as its caller. `on_exit` is
    called with (module, args, output) each time a module returns. When a forward raises, the stack stays as it was at
    that moment, so that the error can say where.
    """

    def __init__(self, model: nn.Module, on_exit: Callable[[nn.Module, Any, Any], None] | None = None) -> None:
        self._names: dict[int, list[str]] = {}
        for name, module in model.named_modules(remove_duplicate=False):
            self._names.setdefault(id(module), []).append(canonical(name))
        self._stack: list[tuple[int, str, int]] = []
        self._calls: Counter[str] = Counter()
        self._on_exit = on_exit
        self._thread = threading.get_ident()
        self._handles: list[Any] = []
        self.root = ""

    def current(self) -> tuple[str, int]:
        """(module path, call number); (`root`, 0) outside all modules."""
        return (self._stack[-1][1], self._stack[-1][2]) if self._stack else (self.root, 0)

    def _enter(self, module: nn.Module, _args: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        names = self._names.get(id(module))
        if names is None:
            path, call = self.current()
        else:
            above = self.current()[0]
            inside = [n for n in names if not above or n.startswith(above + ".")]
            path = min(inside or names, key=len)
            call = self._calls[path]
            self._calls[path] += 1
        self._stack.append((id(module), path, call))

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        if self._on_exit is not None:
            self._on_exit(module, args, output)
        # modules whose forward raised, and whose caller caught it, are still on the stack
        while self._stack and self._stack.pop()[0] != id(module):
            pass

    def __enter__(self) -> "ModulePath":
        self._handles = [register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave)]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._on_exit = None  # which asks for the current path too: the circle would keep all that was seen until garbage is collected

    def clear(self) -> None:
        """Forget what an aborted run left on the stack."""
        self._stack.clear()


def is_scripted(module: nn.Module) -> bool:
    """Whether the module's inside is TorchScript."""
    return isinstance(module, torch.jit.ScriptModule)
