"""Weights that the answers come from and that the model does not know: leaves of the outputs' autograd graph."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.sharded import any_sharded
from steadygrad.graph.wrappers import canonical
from steadygrad.probes.session import Session

NODES = 1_000_000
"""Of a larger autograd graph only so many are walked."""


@dataclass(frozen=True)
class Strangers:
    """Trainable leaves that are no parameters of the model, and that the optimizer does not hold either.

    Fields:
        shapes: of the tensors.
        entries: how many numbers they hold.
        owner: path of the module that keeps the first of them that was found in one; "" the model itself.
        attribute: name of the list, dict or plain attribute it is kept in there; "" where none was found.
    """

    shapes: tuple[tuple[int, ...], ...]
    entries: int
    owner: str = ""
    attribute: str = ""


class StrangersExperiment:
    """No pass of its own: the outputs that were traced still know which leaves they came from."""

    name: ClassVar[str] = "strangers"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """With outputs that have a history, and whole parameters."""
        return session.traced is not None and not session.traced.failure and not any_sharded(session.parameters.values())

    def run(self, session: Session) -> Strangers | None:
        """None when every leaf is known."""
        assert session.traced is not None  # applies() looked
        known = [(id(t), _place(t)) for t in _known(session)]
        tensors, places = {i for i, _ in known}, {place for _, place in known if place}
        outputs = [t for _, t in named_tensors(session.traced.outputs)]
        found = {id(t): t for t in leaves(outputs) if id(t) not in tensors and t.numel() and _place(t) not in places}
        holders = {id(t): (canonical(path), name) for path, name, t in kept(session.model)} if found else {}
        found = {i: t for i, t in found.items() if i in holders or not _uniform(t)}
        if not found:
            return None
        owner, attribute = next((holder for i, holder in holders.items() if i in found), ("", ""))
        return Strangers(tuple(tuple(t.shape) for t in found.values()), sum(t.numel() for t in found.values()), owner, attribute)


def _known(session: Session) -> Iterator[torch.Tensor]:
    """What is trained or given: parameters, buffers, the batch, what the optimizer holds."""
    case, traced = session.case, session.traced
    yield from session.model.parameters()
    yield from session.model.buffers()
    if isinstance(case.model, nn.Module):
        yield from case.model.parameters()
    for given in (case.inputs, case.targets):
        yield from (t for _, t in named_tensors(given))
    if traced is not None:  # an output that is itself a leaf was not computed
        yield from (t for _, t in named_tensors(traced.outputs) if t.is_leaf)
    if case.optimizer is not None:
        yield from (p for group in case.optimizer.param_groups for p in group["params"])


def _uniform(tensor: torch.Tensor) -> bool:
    """Whether all numbers are one: zeros that a forward makes as a start (queries of DETR) want a gradient, and are no weights."""
    numbers = tensor.detach()
    return bool((numbers == numbers.flatten()[0]).all()) if numbers.layout is torch.strided else False


def _place(tensor: torch.Tensor) -> int:
    """Where its numbers lie: a parameter may be used through an alias. 0 for what has no place of its own, as sparse tensors."""
    try:
        return tensor.data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0


def leaves(outputs: list[torch.Tensor]) -> Iterator[torch.Tensor]:
    """The trainable leaves that tensors were computed from."""
    waiting = [t.grad_fn for t in outputs if t.grad_fn is not None]
    seen = set(waiting)
    while waiting and len(seen) < NODES:
        node = waiting.pop()
        variable = getattr(node, "variable", None)
        if isinstance(variable, torch.Tensor) and variable.is_leaf:
            yield variable
        for before, _ in node.next_functions:
            if before is not None and before not in seen:
                seen.add(before)
                waiting.append(before)


def kept(model: nn.Module) -> Iterator[tuple[str, str, torch.Tensor]]:
    """(module's path, attribute, tensor) for tensors, and tensors of modules, in attributes that torch does not register."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                yield from ((path, name, tensor) for tensor in _inside(value, 3))


def _inside(value: Any, deep: int) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, nn.Module):
        yield from value.parameters()
    elif deep and isinstance(value, Mapping):
        for item in value.values():
            yield from _inside(item, deep - 1)
    elif deep and isinstance(value, list | tuple | set):
        for item in value:
            yield from _inside(item, deep - 1)
