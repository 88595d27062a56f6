"""What LARS and LAMB share: groups, gradients, closures, and who is adapted."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from steadygrad.errors import InputError

PORTION = 1 << 19  # 2 MiB of float32


def number(where: str, name: str, value: Any, low: float = 0.0, high: float = math.inf) -> None:
    """`value` is a finite number in [low, high].

    Raises:
        InputError: it is not.
    """
    plain = float(value) if isinstance(value, int | float | Tensor) and not isinstance(value, bool) else math.nan
    if not (math.isfinite(plain) and low <= plain <= high):
        raise InputError(f"{where}: `{name}` must be a finite number in [{low:g}, {high:g}], got {value!r}")


def portions(params: list[Tensor]) -> Iterator[list[Tensor]]:
    """On a processor, parts of up to PORTION elements or one tensor, whose passes find their numbers in the cache; on others, all at once."""
    part: list[Tensor] = []
    size = 0
    for p in params:
        if part and p.device.type == "cpu" and size + p.numel() > PORTION:
            yield part
            part, size = [], 0
        part.append(p)
        size += p.numel()
    if part:
        yield part


class Layerwise(Optimizer):
    """Steps per group over lists of tensors. A group's `adapt` says whether its layers get a ratio of their own.

    adapt=None, the default, adapts parameters of two or more axes and leaves vectors and scalars (biases, gains of norms)
    alone; `groups_by_role` decides by what a parameter does instead.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        super().__init__(params, {**defaults, "adapt": None})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's, when its rate and decay can be used.

        Raises:
            InputError: they cannot; nothing was added.
        """
        for name in ("lr", "weight_decay"):
            number(type(self).__name__, name, param_group.get(name, self.defaults[name]))
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One update; `closure` recomputes the loss with gradients, its value is returned.

        Raises:
            InputError: a sparse gradient.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if p.grad.is_sparse:
                    raise InputError(f"{type(self).__name__}: gradients must be dense, got a sparse one of shape {tuple(p.shape)}; use sparse=False")
            for adapt in (True, False):
                for chosen in portions([p for p in params if self.adapts(group, p) == adapt]):
                    self._update(group, chosen, [p.grad for p in chosen], adapt)
        return loss

    @staticmethod
    def adapts(group: dict[str, Any], parameter: Tensor) -> bool:
        """Whether this parameter's step is fitted to its norm."""
        return parameter.ndim > 1 if group["adapt"] is None else bool(group["adapt"])

    def _update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], adapt: bool) -> None:
        raise NotImplementedError

    def _states(self, params: list[Tensor], name: str) -> list[Tensor]:
        """Buffers of this name, made of zeros where there are none yet."""
        states = [self.state[p] for p in params]
        for p, state in zip(params, states, strict=True):
            if name not in state:
                state[name] = torch.zeros_like(p, memory_format=torch.preserve_format)
        return [state[name] for state in states]
