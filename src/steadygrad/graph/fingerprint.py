"""Everything a check might disturb as one comparable record; tests assert that it is the same before and after."""

import hashlib
import random
from typing import Any

import numpy as np
import torch
from torch import nn

from steadygrad.graph.nested import named_tensors


def bits(tensor: torch.Tensor | None) -> str:
    """A digest of dtype, shape and every bit of a tensor; "" for None."""
    if tensor is None:
        return ""
    dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    raw = dense.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes() if dense.numel() else b""
    return hashlib.blake2b(raw + f"{dense.dtype}{tuple(dense.shape)}".encode(), digest_size=16).hexdigest()


def fingerprint(model: nn.Module, optimizer: Any = None, inputs: Any = None) -> dict[str, Any]:
    """Bits and identities of parameters, gradients, buffers, flags, hooks, attributes, optimizer, inputs, random states.

    Call it before and after; the two are equal when nothing was disturbed. It draws no random numbers itself.
    """
    record: dict[str, Any] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if not torch.nn.parameter.is_lazy(parameter):
            record[f"parameter {name}"] = (id(parameter), bits(parameter), parameter.requires_grad, parameter.data_ptr())
            record[f"gradient {name}"] = (id(parameter.grad) if parameter.grad is not None else None, bits(parameter.grad))
    for name, buffer in model.named_buffers(remove_duplicate=False):
        record[f"buffer {name}"] = (id(buffer), "" if torch.nn.parameter.is_lazy(buffer) else bits(buffer))
    for path, module in model.named_modules():
        record[f"module {path}"] = (id(module), module.training, type(module).__name__)
        record[f"attributes {path}"] = _attributes(module)
    if optimizer is not None:
        record["optimizer"] = _optimizer(optimizer)
    for name, tensor in named_tensors(inputs, "inputs"):
        record[name] = (bits(tensor), tensor.requires_grad, bits(tensor.grad) if tensor.is_leaf else "")
    record["random"] = (bits(torch.get_rng_state()), random.getstate(), _numpy_state())
    record["modes"] = (
        torch.is_grad_enabled(), torch.get_default_dtype(), torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"),
        torch.is_anomaly_enabled(), torch.are_deterministic_algorithms_enabled(),
    )  # fmt: skip
    return record


def _numpy_state() -> tuple[Any, ...]:
    state = np.random.get_state()
    return (state[0], state[1].tobytes(), *state[2:])


def _attributes(module: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(module, torch.jit.ScriptModule):
        return found
    for key, value in vars(module).items():
        if isinstance(value, torch.Tensor):
            found[key] = bits(value)
        elif isinstance(value, dict):
            found[key] = [(str(k), id(v)) for k, v in value.items()]
        elif isinstance(value, list | set):
            found[key] = [id(v) for v in value]
        else:
            found[key] = value if isinstance(value, int | float | str | bool | None) else id(value)
    return found


def _optimizer(optimizer: Any) -> Any:
    groups = [{k: (bits(v) if isinstance(v, torch.Tensor) else v) for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    members = [[id(p) for p in g["params"]] for g in optimizer.param_groups]
    state = [
        (id(key), sorted((k, bits(v) if isinstance(v, torch.Tensor) else repr(v)) for k, v in entry.items()))
        for key, entry in optimizer.state.items()
    ]
    return groups, members, state
