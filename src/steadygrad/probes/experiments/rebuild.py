"""The same nested structure with other tensors in it."""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch


def mapped(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """`value` with `change` applied to every tensor; numbers and texts stay, containers keep their type.

    Knows tensors, dicts, lists, tuples, named tuples and dataclasses (model outputs of transformers are both dict and
    dataclass). None for a structure it cannot rebuild.
    """
    try:
        return _mapped(value, change)
    except (TypeError, ValueError, AttributeError, IndexError):
        return None


def _mapped(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if value is None or isinstance(value, str | bytes | int | float | bool):
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(item, change) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_mapped(item, change) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _mapped(getattr(value, f.name), change) for f in dataclasses.fields(value) if f.init}
        return type(value)(**fields)
    if isinstance(value, Mapping):
        made = copy.copy(value)
        for key, item in value.items():
            made[key] = _mapped(item, change)  # type: ignore[index]
        return made
    raise TypeError(type(value).__name__)
