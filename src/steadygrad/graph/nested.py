"""Find the tensors inside whatever a model takes or returns."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch


def named_tensors(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield (path, tensor) for each tensor in nested dicts, lists, tuples, dataclasses and plain objects.

    Paths read like Python: `inputs[0]`, `inputs['input_ids']`, `outputs.logits`. Each container is visited once.

    Example:
        >>> [path for path, _ in named_tensors({"a": (torch.zeros(1), 3)}, "inputs")]
        ["inputs['a'][0]"]
    """
    yield from _walk(value, name, set())


def _walk(value: Any, name: str, seen: set[int]) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield name, value
        return
    if value is None or isinstance(value, str | bytes | int | float | complex | bool) or id(value) in seen:
        return
    seen.add(id(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _walk(getattr(value, field.name, None), f"{name}.{field.name}", seen)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, f"{name}[{key!r}]", seen)
    elif isinstance(value, list | tuple | set | frozenset):
        fields = getattr(value, "_fields", None)
        for position, item in enumerate(value):
            yield from _walk(item, f"{name}.{fields[position]}" if fields else f"{name}[{position}]", seen)
    elif hasattr(value, "keys") and hasattr(value, "__getitem__"):
        for key in value.keys():  # noqa: SIM118 - batch objects (BatchEncoding, tensordict) are not always iterable by key
            yield from _walk(value[key], f"{name}[{key!r}]", seen)
    elif hasattr(value, "__dict__") and not callable(value):
        for key, item in vars(value).items():
            yield from _walk(item, f"{name}.{key}", seen)
