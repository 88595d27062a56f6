"""Hooks on the gradients of tensors by the hundred: `Tensor.register_hook` without the handle it makes for each."""

from collections import OrderedDict
from collections.abc import Callable

import torch

Hook = Callable[[torch.Tensor], object]


def attach(tensor: torch.Tensor, hook: Hook) -> None:
    """Call `hook` with the gradient of `tensor`, which requires one, once it is known.

    Handles, their ids and their weak references take two thirds of what registering takes, at hundreds of tensors a step. What is
    left is what `Tensor.register_hook` itself does, in the same dictionary; the hook is its own key there.
    """
    hooks = tensor._backward_hooks
    if hooks is None:
        hooks = tensor._backward_hooks = OrderedDict()
        if tensor.grad_fn is not None:
            tensor.grad_fn._register_hook_dict(tensor)
    hooks[hook] = hook


def detach(tensor: torch.Tensor, hook: Hook) -> None:
    """Undo `attach`; nothing happens where it is undone already."""
    if tensor._backward_hooks is not None:
        tensor._backward_hooks.pop(hook, None)
