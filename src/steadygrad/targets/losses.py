"""`--loss NAME`: a loss of torch.nn.functional, and random targets that it is defined for.

    cross_entropy, nll_loss, multi_margin_loss     a class below the number of outputs
    binary_cross_entropy…, multilabel_soft_margin_loss     0 or 1
    soft_margin_loss, hinge_embedding_loss         −1 or 1
    kl_div                                         probabilities over the last axis
    poisson_nll_loss                               counts of mean 1
    all other losses of (input, target)            standard normal
"""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.errors import InputError
from steadygrad.graph.lazy import has_lazy, materialised_copy
from steadygrad.graph.preflight import inspect_case
from steadygrad.graph.trace import call_model
from steadygrad.graph.transaction import transaction

BY_CLASS = ("cross_entropy", "nll_loss", "multi_margin_loss")
OF_BITS = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss")
OF_SIGNS = ("soft_margin_loss", "hinge_embedding_loss")
SHORT = {"ce": "cross_entropy", "nll": "nll_loss", "mse": "mse_loss", "l1": "l1_loss", "huber": "huber_loss", "smooth_l1": "smooth_l1_loss",
         "bce": "binary_cross_entropy", "bce_with_logits": "binary_cross_entropy_with_logits"}  # fmt: skip


def with_loss(case: Case, loss: str, seed: int = 0) -> Case:
    """The case with a functional loss, and random targets that fit the model's output when it has none.

    A class loss on outputs (batch, position, class) of integer inputs (batch, position) is taken per position, as
    language models are trained; elsewhere the classes are the second axis, as torch has it.

    Raises:
        InputError: torch has no such loss, or targets for it cannot be made up.
    """
    name, function = _named(loss)
    if case.targets is not None:
        return replace(case, loss_fn=function)
    inspect_case(case)
    try:
        output = _output(case)
    except Exception:  # the check runs into the same and says where
        return replace(case, loss_fn=function)
    if not isinstance(output, torch.Tensor):
        raise InputError(f"`--loss {loss}` needs a model that returns one tensor, got {type(output).__name__}; name a factory of a Case with a loss_fn instead")
    generator = torch.Generator().manual_seed(seed + 1)
    if name in BY_CLASS and _per_position(case.inputs, output):
        targets = torch.randint(0, output.shape[-1], tuple(output.shape[:-1]), generator=generator)
        function = _each_position(function)
    else:
        targets = _targets(name, output, generator)
    return replace(case, targets=targets.to(output.device), loss_fn=function, generated=True)


def _named(loss: str) -> tuple[str, Callable[..., torch.Tensor]]:
    name = SHORT.get(loss, loss)
    known = _losses()
    if name not in known:
        near = difflib.get_close_matches(loss.lower(), [*known, *SHORT], n=3) or ["cross_entropy", "mse_loss"]
        raise InputError(f"`--loss` must name a loss of torch.nn.functional that takes (input, target), got {loss!r}; for example {', '.join(near)}")
    return name, known[name]


def _losses() -> dict[str, Callable[..., torch.Tensor]]:
    """Functions of (input, target, options)."""
    found: dict[str, Callable[..., torch.Tensor]] = {}
    for name in dir(nn.functional):
        function = getattr(nn.functional, name)
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        parameters = list(inspect.signature(function).parameters.values())
        if [p.name for p in parameters[:2]] == ["input", "target"] and all(p.default is not p.empty for p in parameters[2:]):
            found[name] = function
    return found


def _output(case: Case) -> Any:
    model = materialised_copy(case.model, case.inputs) if has_lazy(case.model) else case.model
    with transaction(model, inputs=case.inputs), torch.no_grad():
        return call_model(model, case.inputs)


def _targets(name: str, output: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    shape = tuple(output.shape)
    if name in BY_CLASS:
        if len(shape) < 2:
            raise InputError(f"`--loss {name}` needs outputs of shape (batch, classes, …), got {shape}; is the batch missing from --input?")
        return torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=generator)
    if name in OF_BITS:
        return torch.randint(0, 2, shape, generator=generator).to(output.dtype)
    if name in OF_SIGNS:
        return (torch.randint(0, 2, shape, generator=generator) * 2 - 1).to(output.dtype)
    if name == "kl_div":
        return torch.randn(shape, generator=generator).softmax(-1).to(output.dtype)
    if name == "poisson_nll_loss":
        return torch.poisson(torch.ones(shape), generator=generator).to(output.dtype)
    if name == "multilabel_margin_loss":
        raise InputError(f"targets for `--loss {name}` cannot be made up for outputs of shape {shape}; give --batch FILE:NAME with inputs and targets")
    return torch.randn(shape, generator=generator).to(output.dtype)


def _per_position(inputs: Any, output: torch.Tensor) -> bool:
    whole = isinstance(inputs, torch.Tensor) and not inputs.is_floating_point()
    return whole and output.ndim == 3 and tuple(output.shape[:2]) == tuple(inputs.shape)


def _each_position(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def per_position(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return function(outputs.flatten(0, -2), targets.flatten())

    return per_position
