"""Turn a TARGET into a `Case`: a file, an importable name, or an architecture of a model library with random weights.

    path/to/file.py:NAME    package.module:NAME    timm:NAME    torchvision:NAME    hf:MODEL_TYPE

NAME is a module, a callable without required arguments that returns one (a class will do), or one that returns a `Case`.
Importing the user's file and calling that name is the only code that runs, and only because they named it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch

from steadygrad.case import Case
from steadygrad.errors import InputError, TargetError
from steadygrad.targets import generated
from steadygrad.targets.example import example
from steadygrad.targets.importing import called, load
from steadygrad.targets.losses import with_loss

LIBRARIES = {"timm": "timm", "torchvision": "torchvision", "hf": "huggingface"}


def case_from(
    target: str, *, inputs: Sequence[str] = (), batch: str = "", loss: str = "", seed: int = 0,
    defaults: Mapping[str, Any] | None = None, batch_size: int | None = None, bare: bool = False,
) -> Case:  # fmt: skip
    """The case a TARGET means, with generated inputs and targets where it brings none.

    Args:
        target: see the top of this file.
        inputs: shapes of generated inputs; they replace what TARGET brings.
        batch: "file.py:NAME" of a batch, or of a pair (inputs, targets).
        loss: name of a loss of torch.nn.functional; it replaces what TARGET brings.
        seed: for torch's generator while TARGET is built, and for what is generated.
        defaults: `{"input": […], "loss": "…"}`, used only where TARGET brings none.
        batch_size: of generated images; chosen by their size when None.
        bare: a case without inputs will do.

    Raises:
        TargetError: nothing has that name, or importing it raised.
        ModelError: the factory raised.
        InputError: inputs are needed and were not given, or a shape or loss cannot be read.
        MissingExtra: the model library is not installed.
    """
    source, _, name = target.partition(":")
    if not name:
        raise TargetError(f"TARGET must look like path/to/file.py:NAME, package.module:NAME, timm:NAME, torchvision:NAME or hf:MODEL_TYPE, got {target!r}")
    if batch and inputs:
        raise InputError(f"give --batch or --input, got both: {batch} and {', '.join(inputs)}")
    torch.manual_seed(seed)
    if source in LIBRARIES:
        case = _from_library(source, name, inputs, seed, batch_size)
    else:
        case = _from_code(target)
        name = target.rpartition(":")[2]
        if inputs:
            case = _with_inputs(case, target, inputs, loss, seed)
        elif case.inputs is None and not batch and (defaults or {}).get("input"):
            case = _with_inputs(case, target, (defaults or {})["input"], loss, seed)
        if case.loss_fn is None:
            loss = loss or (defaults or {}).get("loss", "")
    if batch:
        case = _with_batch(case, batch)
    if case.inputs is None and not bare:
        raise InputError(f"`{target}` brings no inputs (got None); add --input SHAPE, {example(case.model)}")
    if loss:
        case = with_loss(case, loss, seed)
    return replace(case, name=case.name or name)


def _from_library(library: str, name: str, inputs: Sequence[str], seed: int, batch_size: int | None) -> Case:
    module = import_module(f"steadygrad.targets.{LIBRARIES[library]}")
    given = generated.inputs(inputs, seed) if inputs else None
    return module.case(name, inputs=given, seed=seed, batch_size=batch_size)


def _from_code(target: str) -> Case:
    value = load(target)
    made = value if isinstance(value, torch.nn.Module | Case) or not callable(value) else called(value, target)
    if isinstance(made, Case):
        if not isinstance(made.model, torch.nn.Module):
            raise TargetError(f"the Case of `{target}` must hold a torch.nn.Module as `model`, got {type(made.model).__name__}")
        return made
    if isinstance(made, torch.nn.Module):
        return Case(made)
    raise TargetError(f"`{target}` must be a torch.nn.Module, a factory of one, or a factory of a steadygrad.Case, got {type(made).__name__}")


def _with_inputs(case: Case, target: str, inputs: Sequence[str], loss: str, seed: int) -> Case:
    if case.targets is not None and not loss:
        raise InputError(
            f"`{target}` brings its own targets, which do not belong to generated inputs of shape {', '.join(inputs)}; "
            "leave --input out, or add --loss NAME to generate targets too"
        )
    return replace(case, inputs=generated.inputs(inputs, seed), targets=None, generated=True)


def _with_batch(case: Case, batch: str) -> Case:
    value = load(batch)
    if callable(value) and not isinstance(value, torch.Tensor):
        value = called(value, batch)
    if isinstance(value, tuple | list) and len(value) == 2:
        return replace(case, inputs=value[0], targets=value[1], generated=False)
    return replace(case, inputs=value, generated=False)
