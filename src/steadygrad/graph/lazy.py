"""Lazy modules: look at a copy whose shapes were inferred; the original stays lazy."""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from steadygrad.errors import ModelError
from steadygrad.graph import ambient_state
from steadygrad.graph.trace import call_model


def has_lazy(model: nn.Module) -> bool:
    """Whether some parameter or buffer has no shape yet."""
    return any(is_lazy(t) for t in (*model.parameters(), *model.buffers()))


def materialised_copy(model: nn.Module, inputs: Any) -> nn.Module:
    """A deep copy after one forward, in which every lazy parameter got its shape.

    Raises:
        ModelError: the model cannot be copied, or its forward raised, or left parameters without a shape.
    """
    fresh = {id(b): UninitializedBuffer(device=b.device, dtype=b.dtype) for b in model.buffers() if is_lazy(b)}  # torch copies lazy parameters only
    try:
        clone = copy.deepcopy(model, fresh)
    except Exception as error:
        raise ModelError(f"lazy `{type(model).__name__}` cannot be copied ({error}); run one forward yourself first") from error
    materialise_(clone, copy.deepcopy(inputs))
    return clone


def materialise_(model: nn.Module, inputs: Any) -> None:
    """Give every lazy parameter its shape by one forward; random generators, and buffers that had numbers, are left as they were.

    Raises:
        ModelError: the forward raised, or left parameters without a shape.
    """
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers() if not is_lazy(buffer)}
    ambient = ambient_state.snapshot()
    try:
        with torch.no_grad():
            call_model(model, inputs)
    except Exception as error:
        raise ModelError(f"lazy `{type(model).__name__}` raised while its shapes were inferred: {type(error).__name__}: {error}") from error
    finally:
        for restore in ambient:
            restore()
        for name, buffer in model.named_buffers():
            if name in buffers:
                buffer.copy_(buffers[name])
    left = [name for name, p in model.named_parameters() if is_lazy(p)]
    if left:
        raise ModelError(f"`{left[0]}` got no shape in one forward ({len(left)} lazy parameters left); use every lazy module in forward")
