"""State that belongs to an optimizer: groups with their hyper-parameters, and per-parameter tensors."""

from typing import Any

import torch


class OptimizerState:
    """Remembers groups at once; copies the state tensors when `copy()` is called, before a step."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._groups = [(group, dict(group), list(group["params"])) for group in optimizer.param_groups]
        self._group_list = list(optimizer.param_groups)
        self._attributes = {k: v for k, v in vars(optimizer).items() if isinstance(v, int | float | str | bool | None)}
        self._state: dict[Any, Any] | None = None
        self._values: list[tuple[torch.Tensor, torch.Tensor]] = []

    def copy(self) -> None:
        """Copy hyper-parameter tensors and the whole state; a second call does nothing."""
        if self._state is not None:
            return
        self._state = {}
        for key, entry in self._optimizer.state.items():
            self._state[key] = dict(entry) if isinstance(entry, dict) else entry
            self._keep(entry)
        for _, saved, _ in self._groups:
            self._keep({k: v for k, v in saved.items() if k != "params"})

    def _keep(self, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            self._values.append((value, value.detach().clone()))
        elif isinstance(value, dict):
            for item in value.values():
                self._keep(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self._keep(item)

    def restore(self) -> None:
        """Put groups, state and plain attributes back; tensors in place, so that their identity stays."""
        optimizer = self._optimizer
        if len(optimizer.param_groups) != len(self._group_list) or any(
            a is not b for a, b in zip(optimizer.param_groups, self._group_list, strict=True)
        ):
            optimizer.param_groups[:] = self._group_list
        for group, saved, parameters in self._groups:
            group.clear()
            group.update(saved)
            group["params"][:] = parameters
        for name, value in self._attributes.items():
            if getattr(optimizer, name, None) != value:
                setattr(optimizer, name, value)
        if self._state is not None:
            optimizer.state.clear()
            for key, entry in self._state.items():
                optimizer.state[key] = dict(entry) if isinstance(entry, dict) else entry
            for tensor, copy in self._values:
                tensor.data.copy_(copy)
