"""Change gradients between backward and another optimizer's step, without standing in its way."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from steadygrad.errors import InputError


class Around:
    """Hooks into `optimizer.step`; the optimizer stays itself, so schedulers, state_dict and GradScaler see no wrapper.

    Gradients are rewritten in place right before the step; with a closure, after each of its evaluations. `remove()`
    ends it. Parameters in `exclude` are left alone, like those without gradient.
    """

    def __init__(self, optimizer: Optimizer, exclude: Iterable[Tensor] = ()) -> None:
        if not isinstance(optimizer, Optimizer):
            raise InputError(f"{type(self).__name__}: needs a torch.optim.Optimizer, got {type(optimizer).__name__}; pass the optimizer itself")
        self.optimizer = optimizer
        self._excluded = {id(p) for p in exclude}
        self._handle = optimizer.register_step_pre_hook(self._before)

    def remove(self) -> None:
        """Let the optimizer step as it did before."""
        self._handle.remove()

    def _before(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # Optimizer.step's wrapper passes (self, closure); the hook sees the same
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        if closure is None:
            self.rewrite_()
            return args, kwargs
        wrapped = self._after(closure)
        if "closure" in kwargs:
            return args, {**kwargs, "closure": wrapped}
        return (args[0], wrapped, *args[2:]), kwargs

    def _after(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        def evaluate() -> Any:
            loss = closure()
            self.rewrite_()
            return loss

        return evaluate

    @torch.no_grad()
    def rewrite_(self) -> None:
        """Rewrite all gradients now."""
        for group in self.optimizer.param_groups:
            chosen = [p for p in group["params"] if p.grad is not None and id(p) not in self._excluded]
            if chosen:
                self._rewrite(group, chosen, [p.grad for p in chosen])

    def _rewrite(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor]) -> None:
        raise NotImplementedError
