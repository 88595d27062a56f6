"""A torch-function mode that sees every op while the model runs as it always does."""

import types
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from steadygrad.graph.ops import OPS
from steadygrad.graph.ops.movement import FRESH


def base_name(function: Callable[..., Any]) -> str:
    """`torch.Tensor.relu_` → "relu"; property getters by their property's name."""
    name = getattr(function, "__name__", "") or type(function).__name__
    if name == "__get__":
        return getattr(function.__self__, "__name__", "__get__")
    if name.endswith("_") and not name.endswith("__"):
        return name[:-1]
    return name.removeprefix("_") if name.startswith("_") and not name.startswith("__") else name


def opened(function: types.FunctionType) -> types.FunctionType:
    """A copy of a Python functional that no longer hides its inside from function modes.

    Functionals written in Python begin with `if has_torch_function(...): return handle_torch_function(...)`, which
    under a mode calls back for ever. The copy sees its own globals, in which that question is answered no.
    """
    closed = dict.fromkeys(("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"), lambda *_: False)
    copy = types.FunctionType(function.__code__, {**function.__globals__, **closed}, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def tensors_of(output: Any) -> list[torch.Tensor]:
    """The tensors in what an op returned."""
    if isinstance(output, torch.Tensor):
        return [output]
    found: list[torch.Tensor] = []
    for item in output:
        if isinstance(item, torch.Tensor):
            found.append(item)
        elif isinstance(item, tuple | list):
            found.extend(t for t in item if isinstance(t, torch.Tensor))
    return found


class OpMode(TorchFunctionMode):
    """Runs every torch function and shows those that gave a tensor to `ran`; functionals nobody knows are opened."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Any, tuple[str, str]] = {}
        self._opened: dict[Any, types.FunctionType] = {}
        self._opening: set[Any] = set()

    def ran(self, function: Any, name: str, args: tuple[Any, ...], kwargs: Any, output: Any) -> None:
        """`function`, called `name`, made `output`, a tensor or a list of some; no mode of functions is on."""
        raise NotImplementedError

    def __torch_function__(self, function: Any, types_: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Run the function, then show it."""
        kwargs = kwargs or {}
        name, kind = self._known.get(function) or self._classify(function)
        if kind == "fresh":
            return function(*args, **kwargs)
        if kind == "closed" and function not in self._opening:
            return self._inside(function, args, kwargs)
        output = function(*args, **kwargs)
        target = args[0] if name == "__setitem__" else output
        if isinstance(target, torch.Tensor) or (isinstance(target, tuple | list) and tensors_of(target)):
            if torch._C._len_torch_function_stack() == 0:
                self.ran(function, name, args, kwargs, target)
            else:
                with torch._C.DisableTorchFunction():  # what is asked of tensors here is nobody else's business
                    self.ran(function, name, args, kwargs, target)
        return output

    def _classify(self, function: Any) -> tuple[str, str]:
        """Its name, and whether it makes tensors out of nothing, hides its inside from modes, or can just be run."""
        name = base_name(function)
        hides = name not in OPS and isinstance(function, types.FunctionType) and function.__module__.startswith("torch.")
        kind = "fresh" if name in FRESH else "closed" if hides else "plain"
        self._known[function] = name, kind
        return name, kind

    def _inside(self, function: types.FunctionType, args: tuple[Any, ...], kwargs: Any) -> Any:
        """Run a Python functional nobody described with this mode still on, so that its ops are seen."""
        copy = self._opened.get(function)
        if copy is None:
            copy = self._opened[function] = opened(function)
        self._opening.add(function)  # one that asks for modes in its own way comes back: then it runs closed
        try:
            with self:
                return copy(*args, **kwargs)
        finally:
            self._opening.discard(function)
