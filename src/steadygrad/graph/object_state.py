"""Python state: every mutable object reachable from a model, an optimizer or a batch, and what it held."""

import random
import sys
import types
from collections import OrderedDict, UserDict, UserList, deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

HOPS = 2
PLAIN = (str, bytes, int, float, complex, bool, type(None), type, torch.dtype, torch.device, torch.Size, types.FunctionType)
OWN = (nn.Module, torch.optim.Optimizer, torch.distributions.Distribution, types.SimpleNamespace, UserDict, UserList)
CLOSED = frozenset({*sys.stdlib_module_names, "torch", "numpy"})

Refill = Callable[[Any, Any], None]
Record = tuple[Refill, Any, Any]


class ObjectState:
    """Remembers the contents of objects; `restore()` refills each one in place, so that identities stay.

    Followed: dicts, lists, sets, deques, tuples, generators of random numbers, modules, optimizers, and the attributes of
    other objects at most `HOPS` objects away from those. Not followed: objects whose class is the standard library's,
    torch's or NumPy's own (loggers, locks, process groups, compiled code), in which no model keeps numbers.

    Attributes:
        tensors: the tensors met on the way, each once, NumPy arrays among them; their values are kept elsewhere.
    """

    def __init__(self, *roots: Any) -> None:
        self.tensors: list[torch.Tensor] = []
        self._records: list[Record] = []
        seen: dict[int, Any] = {}  # holds the objects, so that no id is used twice
        pending = deque((root, HOPS) for root in roots)  # nearest objects first
        while pending:
            value, hops = pending.popleft()
            if isinstance(value, PLAIN) or id(value) in seen:
                continue
            seen[id(value)] = value
            if isinstance(value, np.ndarray):
                value = _as_tensor(value)
            if isinstance(value, torch.Tensor):
                self.tensors.append(value)
            far = not isinstance(value, FOLLOWED)
            if far and (hops == 0 or type(value).__module__.partition(".")[0] in CLOSED):
                continue
            records, children = _remember(value)
            self._records.extend(records)
            if far:
                pending.extend((child, hops - 1) for child in children)
            else:
                pending.extendleft((child, hops) for child in children)

    def restore(self) -> None:
        """Put contents, attributes and classes back; what did not change is not touched."""
        for refill, value, saved in self._records:
            refill(value, saved)


def _remember(value: Any) -> tuple[list[Record], Iterable[Any]]:
    """How to put `value` back, and what to look at next."""
    if isinstance(value, torch.jit.ScriptModule):
        children = [*value.parameters(), *value.buffers(), *value.children(), *vars(value).values()]
        return [(_refill_script, value, _script_attributes(value))], children
    for kind, (read, refill) in STREAMS.items():
        if isinstance(value, kind):
            return [(refill, value, read(value))], ()
    records: list[Record] = []
    children: list[Any] = []
    for kind, (read, refill) in CONTAINERS.items():
        if isinstance(value, kind):
            saved = read(value)
            records.append((refill, value, saved))
            children.extend((item for _, item in saved) if kind is dict else saved)
    if isinstance(value, torch.Tensor):
        children.append(value.grad if value.is_leaf else None)
        if is_traceable_wrapper_subclass(value):
            children.extend(getattr(value, name) for name in value.__tensor_flatten__()[0])
    if hasattr(value, "__dict__"):
        attributes = dict(vars(value))
        records.append((_refill_object, value, (type(value), attributes)))
        children.extend(attributes.values())
    slots = {name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)}
    if slots:
        records.append((_refill_slots, value, slots))
        children.extend(slots.values())
    return records, value if isinstance(value, tuple | frozenset) else children


def _as_tensor(array: np.ndarray) -> Any:
    """A tensor on the memory of an array that could be written to; None where there is no such thing."""
    try:
        return torch.from_numpy(array) if array.flags.writeable else None
    except (TypeError, ValueError):  # strings, objects, negative strides
        return None


def _slots(kind: type) -> Iterable[str]:
    if kind.__module__.partition(".")[0] in CLOSED:
        return
    for ancestor in kind.__mro__:
        names = vars(ancestor).get("__slots__", ())
        yield from (n for n in ((names,) if isinstance(names, str) else names) if not n.startswith("__"))


def _refill_slots(value: Any, saved: dict[str, Any]) -> None:
    for name, item in saved.items():
        if getattr(value, name, saved) is not item:
            object.__setattr__(value, name, item)


def _refill_object(value: Any, saved: tuple[type, dict[str, Any]]) -> None:
    kind, attributes = saved
    if type(value) is not kind:  # parametrizations give a module a class of its own
        value.__class__ = kind
    _refill_dict(vars(value), list(attributes.items()))


def _base(value: dict[Any, Any]) -> type:
    """Subclasses such as `ModelOutput` and `Counter` redefine methods; an OrderedDict keeps an order beside the dict's."""
    return OrderedDict if isinstance(value, OrderedDict) else dict


def _items(value: dict[Any, Any]) -> list[tuple[Any, Any]]:
    return list(_base(value).items(value))


def _refill_dict(value: dict[Any, Any], saved: list[tuple[Any, Any]]) -> None:
    current = _items(value)
    if len(current) == len(saved) and all(a[0] is b[0] and a[1] is b[1] for a, b in zip(current, saved, strict=True)):
        return
    base = _base(value)
    base.clear(value)
    for key, item in saved:
        base.__setitem__(value, key, item)


def _refill_list(value: list[Any], saved: list[Any]) -> None:
    if _differs(list.__iter__(value), saved):
        list.__setitem__(value, slice(None), saved)


def _refill_deque(value: deque[Any], saved: list[Any]) -> None:
    if _differs(value, saved):
        value.clear()
        value.extend(saved)


def _refill_set(value: set[Any], saved: list[Any]) -> None:
    if {id(item) for item in value} != {id(item) for item in saved}:
        value.clear()
        value.update(saved)


def _differs(current: Iterable[Any], saved: list[Any]) -> bool:
    now = list(current)
    return len(now) != len(saved) or any(a is not b for a, b in zip(now, saved, strict=True))


def _script_attributes(module: Any) -> dict[str, Any]:
    """Attributes of a TorchScript module; one loaded from a file does not list them, so of it only mode and buffers."""
    kind = getattr(module, "_concrete_type", None)
    names = list(kind.get_attributes()) if kind is not None else ["training", *dict(torch._C.BufferDict(module._c).items())]
    return {name: module._c.getattr(name) for name in names if module._c.hasattr(name)}


def _refill_script(module: Any, saved: dict[str, Any]) -> None:
    for name, item in saved.items():
        current = module._c.getattr(name)
        if current is not item and (isinstance(item, torch.Tensor) or current != item):
            module._c.setattr(name, item)


CONTAINERS: dict[type, tuple[Callable[[Any], Any], Refill]] = {
    dict: (_items, _refill_dict),
    list: (list, _refill_list),
    set: (list, _refill_set),
    deque: (list, _refill_deque),
}
STREAMS: dict[type, tuple[Callable[[Any], Any], Refill]] = {
    torch.Generator: (lambda g: g.get_state(), lambda g, saved: g.set_state(saved)),
    np.random.Generator: (lambda g: g.bit_generator.state, lambda g, saved: setattr(g.bit_generator, "state", saved)),
    np.random.RandomState: (lambda g: g.get_state(), lambda g, saved: g.set_state(saved)),
    random.Random: (lambda g: g.getstate(), lambda g, saved: g.setstate(saved)),
}
FOLLOWED = (*OWN, *CONTAINERS, *STREAMS, torch.Tensor, tuple, frozenset)
