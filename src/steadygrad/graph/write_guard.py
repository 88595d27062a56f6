"""Copy on write: whatever tensor an op is about to overwrite is copied just before."""

from collections.abc import Iterable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from steadygrad.graph.storage import address


class WriteGuard(TorchFunctionMode):
    """Watches in-place ops and keeps a copy of each protected tensor right before its storage is first written.

    So a check holds no second copy of the weights, unless something writes to them. Writes that bypass torch functions
    (from TorchScript, C++ extensions or NumPy views) are not seen here; `transaction` finds most of them by version.
    """

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._owners: dict[int, list[torch.Tensor]] = {}
        self._writes: dict[Any, bool] = {}

    def protect(self, tensors: Iterable[torch.Tensor]) -> None:
        """Guard these tensors (aliases of the originals that keep their storage alive)."""
        for tensor in tensors:
            start = address(tensor)
            if start:
                self._owners.setdefault(start, []).append(tensor)

    def copy_now(self, tensors: Iterable[torch.Tensor]) -> None:
        """Copy these at once: somebody is going to write to them where this mode cannot see it."""
        for tensor in tensors:
            self.before_write(tensor)

    def before_write(self, tensor: torch.Tensor) -> None:
        """Copy everything protected that shares the storage of `tensor`."""
        for owner in self._owners.get(address(tensor), ()):
            if id(owner) not in self.copies:
                self.copies[id(owner)] = (owner, owner.detach().clone())

    def __torch_function__(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Look for a written argument, then run the function."""
        kwargs = kwargs or {}
        writes = self._writes.get(function)
        if writes is None:
            name = getattr(function, "__name__", "")
            in_place = name.endswith("_") and not name.endswith("__")
            writes = self._writes[function] = in_place or name.startswith("__i") or name in ("__setitem__", "__set__")
        if writes or kwargs:
            self._look(function, args, kwargs, writes)
        return function(*args, **kwargs)

    def _look(self, function: Any, args: tuple[Any, ...], kwargs: Any, writes: bool) -> None:
        targets: list[Any] = []
        if writes or kwargs.get("inplace"):
            targets.extend(args[:1])
        if kwargs.get("max_norm") is not None:  # embeddings renormalize their table in place
            targets.extend(args[1:2])
        targets.append(kwargs.get("out"))
        for target in targets:
            for tensor in target if isinstance(target, tuple | list) else (target,):
                if isinstance(tensor, torch.Tensor):
                    self.before_write(tensor)
