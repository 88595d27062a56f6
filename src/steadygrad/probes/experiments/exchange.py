"""Does what is kept of a batch get other answers when the rest of it is exchanged, and in which module first?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from steadygrad.graph.wrappers import canonical

Seen = tuple[str, list[torch.Tensor], list[torch.Tensor]]
"""A module's path, what it was given and what it made, of what is kept."""


@contextmanager
def _seeing(model: nn.Module, kept: Callable[[Any], list[torch.Tensor]]) -> Iterator[list[Seen]]:
    """Every module's inputs and result, as `kept` takes them, in the order in which modules end."""
    seen: list[Seen] = []

    def note(path: str) -> Callable[[Any, Any, Any], None]:
        return lambda _, inputs, result: seen.append((path, kept(inputs), kept(result)))

    hooks = [m.register_forward_hook(note(canonical(path))) for path, m in model.named_modules() if path]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def compared(
    model: nn.Module, kept: Callable[[Any], list[torch.Tensor]], first: Callable[[], list[torch.Tensor]], second: Callable[[], list[torch.Tensor]]
) -> tuple[float, str] | None:
    """By how much the kept answers of the second run differ from those of the first, and the first module that gives others.

    Returns:
        Change and path; (0.0, "") where rounding may have made the difference; None where it cannot be told, the model not repeating itself.
    """
    before, after = first(), second()
    moved = change(before, after)
    if moved is None or moved <= noise(before):
        return None if moved is None else (0.0, "")
    with _seeing(model, kept) as seen:
        again = first()
    if (change(before, again) or 0.0) > 0.01 * moved:
        return None
    with _seeing(model, kept) as seen_after:
        second()
    return moved, _first_place(seen, seen_after)


def _first_place(seen: list[Seen], seen_after: list[Seen]) -> str:
    """The first module whose result changes; where what it was given had changed already, the innermost around it that was given the same."""
    pairs = list(zip(seen, seen_after, strict=False))
    late = {path for (path, given, _), (_, after, _) in pairs if _moved(given, after)}
    where = next((path for (path, _, result), (_, _, after) in pairs if _moved(result, after)), "")
    while where in late:
        where = where.rpartition(".")[0]
    return where


def _moved(before: list[torch.Tensor], after: list[torch.Tensor]) -> bool:
    return (change(before, after) or 0.0) > noise(before)


def change(before: list[torch.Tensor], after: list[torch.Tensor]) -> float | None:
    """rms(after − before)/rms(before); None where they do not match or are not finite."""
    if not before or [t.shape for t in before] != [t.shape for t in after]:
        return None
    first, second = (torch.cat([t.double().flatten() for t in tensors]) for tensors in (before, after))
    size = float(first.square().mean().sqrt())
    moved = float((second - first).square().mean().sqrt())
    return moved / size if size > 0.0 and moved < float("inf") else None


def noise(tensors: list[torch.Tensor]) -> float:
    """What rounding may change: the same kernels see the same numbers, so hundreds of roundings are enough."""
    return 300.0 * max((torch.finfo(t.dtype).eps for t in tensors), default=0.0)
