"""What a parameter does, from how it is used; never from what it is called."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from steadygrad.graph.trace import trace
from steadygrad.graph.transaction import transaction

ParameterRole = Literal["weight", "bias", "norm", "table", "other"]
NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm, nn.CrossMapLRN2d,
)  # fmt: skip


def roles(model: nn.Module, inputs: Any = None) -> dict[str, ParameterRole]:
    """Parameter name → "weight", "bias", "norm", "table" (embeddings) or "other".

    With `inputs` from a trace: what an op did with it decides, also for functional calls and home-made norms. Without, or
    for parameters the trace did not meet, from the module that owns it: torch's norms, their subclasses and modules with
    running statistics are "norm", other vectors and scalars "bias", embeddings "table", the rest "weight".

    Raises:
        ModelError: the forward raised on `inputs`.
    """
    found: dict[str, ParameterRole] = {}
    for path, module in model.named_modules():
        for name, p in module.named_parameters(recurse=False):
            found.setdefault(f"{path}.{name}" if path else name, _by_module(module, p))
    if inputs is not None:
        with transaction(model, inputs=inputs), torch.no_grad():
            graph = trace(model, inputs).graph
        for node in graph.nodes:
            for use in node.uses:
                role: ParameterRole = "norm" if node.kind == "norm" else _BY_USE.get(use.role, "other")
                for name in use.parameters:
                    for alias in graph.parameters[name].names or (name,):
                        if alias in found and found[alias] != "norm":
                            found[alias] = role
    return found


_BY_USE: dict[str, ParameterRole] = {"weight": "weight", "recurrent": "weight", "bias": "bias", "shift": "bias", "scale": "norm", "table": "table"}


def _by_module(module: nn.Module, parameter: Tensor) -> ParameterRole:
    if isinstance(module, NORMS) or getattr(module, "running_var", None) is not None:
        return "norm"
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return "table"
    return "bias" if parameter.ndim <= 1 else "weight"


def groups_by_role(model: nn.Module, weight_decay: float = 0.0, inputs: Any = None) -> list[dict[str, Any]]:
    """Two groups for any optimizer: weights and tables, adapted and decayed; norms and biases, neither.

    For LARS, LAMB and torch's optimizers (which carry `adapt` along and ignore it). Parameters with requires_grad=False
    are left out; tied ones appear once, as a weight if they are one anywhere.
    """
    known = roles(model, inputs)
    adapted: dict[int, Tensor] = {}
    plain: dict[int, Tensor] = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        if p.requires_grad:
            (plain if known.get(name, "weight") in ("norm", "bias") else adapted)[id(p)] = p
    for key in adapted:
        plain.pop(key, None)
    return [
        {"params": list(adapted.values()), "weight_decay": weight_decay, "adapt": True},
        {"params": list(plain.values()), "weight_decay": 0.0, "adapt": False},
    ]
