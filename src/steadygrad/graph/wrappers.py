"""Look through wrappers: distributed, data-parallel and compiled models; canonical parameter names."""

from collections import defaultdict
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.graph.signal_graph import Parameter
from steadygrad.graph.tracer import DTYPE_NAMES
from steadygrad.randomness.stream import bare_name

canonical = bare_name  # one rule for what names mean here and which random stream they draw from


def unwrap(model: nn.Module) -> tuple[nn.Module, list[str]]:
    """The model inside DDP, DataParallel and torch.compile wrappers, and a sentence for each one taken off."""
    notes = []
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            notes.append(f"{type(model).__name__} wrapper: looked at the module inside, in this process only")
            model = model.module
        elif "_orig_mod" in getattr(model, "_modules", {}):
            notes.append("compiled model: ran uncompiled, which computes the same numbers up to rounding")
            model = model._orig_mod
        else:
            return model, notes


def scripted(model: nn.Module) -> Iterator[str]:
    """Paths of scripted modules, whose inside cannot be seen; outermost only."""
    found: list[str] = []
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule) and not any(path == f or path.startswith(f + ".") or f == "" for f in found):
            found.append(path)
            yield path


def parameter_records(model: nn.Module) -> dict[int, Parameter]:
    """id of each distinct parameter → its record; tied parameters appear once, under their smallest name."""
    names: dict[int, list[str]] = defaultdict(list)
    tensors: dict[int, nn.Parameter] = {}
    owners = {canonical(path): type(module).__name__ for path, module in model.named_modules()}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names[id(parameter)].append(canonical(name))
        tensors[id(parameter)] = parameter
    records = {}
    for key, parameter in tensors.items():
        name = min(names[key])
        module = name.rpartition(".")[0]
        records[key] = Parameter(
            name, tuple(parameter.shape), DTYPE_NAMES.get(parameter.dtype, str(parameter.dtype)), parameter.requires_grad,
            tuple(sorted(names[key])), module, owners.get(module, ""),
        )  # fmt: skip
    return records
