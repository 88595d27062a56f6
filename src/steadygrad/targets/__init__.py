"""Turn a TARGET into a `Case`: a file, an importable name, or an architecture of a model library with random weights.

    path/to/file.py:NAME    package.module:NAME    timm:NAME    torchvision:NAME    hf:MODEL_TYPE

NAME is a module, a callable without required arguments that returns one, or one that returns a `Case`. Importing the
user's file is the only code that runs, and only because they named it.
"""

from dataclasses import replace
from typing import Any

import torch

from steadygrad.case import Case
from steadygrad.errors import InputError, TargetError
from steadygrad.targets import generated
from steadygrad.targets.importing import load

LIBRARIES = ("timm", "torchvision", "hf")


def case_from(target: str, *, inputs: list[str] | None = None, batch: str = "", loss: str = "", seed: int = 0) -> Case:
    """The case a TARGET means, with generated inputs where it brings none.

    Raises:
        TargetError: nothing has that name.
        InputError: inputs are needed and were not given, or a shape or loss cannot be read.
        MissingExtra: the model library is not installed.
    """
    torch.manual_seed(seed)
    scheme, _, name = target.partition(":")
    if not name:
        raise TargetError(f"TARGET must look like file.py:NAME, package.module:NAME or timm:NAME, got {target!r}")
    case = _from_library(scheme, name) if scheme in LIBRARIES else _from_code(target)
    if batch:
        case = _with_batch(case, batch)
    elif inputs:
        case = replace(case, inputs=generated.inputs(inputs, seed), targets=None, generated=True)
    if case.inputs is None:
        raise InputError(f"`{target}` brings no inputs (got None); add --input SHAPE, for example --input {generated.guess(case.model)}")
    if loss:
        case = generated.with_loss(case, loss, seed)
    return replace(case, name=case.name or name)


def _from_library(scheme: str, name: str) -> Case:
    if scheme == "timm":
        from steadygrad.targets.timm import case
    elif scheme == "torchvision":
        from steadygrad.targets.torchvision import case
    else:
        from steadygrad.targets.huggingface import case
    return case(name)


def _from_code(target: str) -> Case:
    value = load(target)
    if isinstance(value, torch.nn.Module | Case):
        made: Any = value
    elif callable(value):
        try:
            made = value()
        except TypeError as error:
            raise TargetError(f"`{target}` must be callable without arguments: {error}") from error
    else:
        made = value
    if isinstance(made, Case):
        return made
    if isinstance(made, torch.nn.Module):
        return Case(made)
    raise TargetError(f"`{target}` must be a torch.nn.Module, a factory of one, or a factory of a steadygrad.Case, got {type(made).__name__}")


def _with_batch(case: Case, batch: str) -> Case:
    value = load(batch)
    value = value() if callable(value) and not isinstance(value, torch.Tensor) else value
    if isinstance(value, tuple | list) and len(value) == 2:
        return replace(case, inputs=value[0], targets=value[1], generated=False)
    return replace(case, inputs=value, generated=False)
