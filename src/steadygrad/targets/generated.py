"""Inputs and targets made up from shapes, for when no batch is at hand."""

import re
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.errors import InputError, ModelError
from steadygrad.graph.trace import call_model

SHAPE = re.compile(r"^(?:(?P<name>[A-Za-z_]\w*)=)?(?P<sizes>\d+(?:x\d+)*)(?::(?P<dtype>\w+))?(?:<(?P<below>\d+))?$")
EXAMPLES = "64x3x32x32, 8x128:int64<50257 or mask=8x128:bool"


def inputs(shapes: list[str], seed: int = 0) -> Any:
    """Standard normal floats, or uniform integers below a bound, of the given shapes.

    Returns:
        A tensor for one shape, a tuple for several, a dict when they are named.

    Raises:
        InputError: a shape cannot be read.

    Example:
        >>> inputs(["2x3"]).shape
        torch.Size([2, 3])
    """
    generator = torch.Generator().manual_seed(seed)
    made = [_tensor(text, generator) for text in shapes]
    if any(name for name, _ in made):
        if not all(name for name, _ in made):
            raise InputError(f"`--input` must name all inputs or none, got {shapes}")
        return dict(made)
    return made[0][1] if len(made) == 1 else tuple(tensor for _, tensor in made)


def _tensor(text: str, generator: torch.Generator) -> tuple[str, torch.Tensor]:
    match = SHAPE.match(text)
    if match is None:
        raise InputError(f"`--input` must look like {EXAMPLES}, got {text!r}")
    sizes = [int(s) for s in match["sizes"].split("x")]
    dtype = getattr(torch, match["dtype"] or ("int64" if match["below"] else "float32"), None)
    if not isinstance(dtype, torch.dtype):
        raise InputError(f"`--input` {text!r}: torch has no dtype `{match['dtype']}`; use float32, bfloat16, int64 …")
    if dtype.is_floating_point or dtype.is_complex:
        return match["name"] or "", torch.randn(sizes, generator=generator).to(dtype)
    below = int(match["below"] or 2)
    return match["name"] or "", torch.randint(0, below, sizes, generator=generator).to(dtype)


def with_loss(case: Case, loss: str, seed: int = 0) -> Case:
    """The case with a functional loss, and random targets that fit the model's output when it has none.

    Raises:
        InputError: torch has no such loss, or targets for it cannot be made up.
    """
    function = getattr(nn.functional, loss, None)
    if function is None:
        raise InputError(f"`--loss` must name a function of torch.nn.functional, got {loss!r}; for example cross_entropy, mse_loss")
    if case.targets is not None:
        return replace(case, loss_fn=function)
    try:
        with torch.no_grad():
            output = call_model(case.model, case.inputs)
    except Exception as error:
        raise ModelError(f"the model's forward raised: {type(error).__name__}: {error}") from error
    if not isinstance(output, torch.Tensor):
        raise InputError(f"`--loss {loss}` needs a model that returns one tensor, got {type(output).__name__}; give a Case with a loss_fn instead")
    generator = torch.Generator().manual_seed(seed + 1)
    if loss in ("cross_entropy", "nll_loss"):
        targets = torch.randint(0, output.shape[1], (output.shape[0], *output.shape[2:]), generator=generator)
    elif loss.startswith("binary_cross_entropy"):
        targets = torch.randint(0, 2, tuple(output.shape), generator=generator).to(output.dtype)
    else:
        targets = torch.randn(tuple(output.shape), generator=generator).to(output.dtype)
    return replace(case, targets=targets, loss_fn=function, generated=True)


def guess(model: Any) -> str:
    """A shape that might fit the model's first layer, for an error message."""
    for module in model.modules() if isinstance(model, nn.Module) else ():
        if isinstance(module, nn.Linear):
            return f"32x{module.in_features}"
        if isinstance(module, nn.Conv2d):
            return f"8x{module.in_channels}x32x32"
        if isinstance(module, nn.Conv1d):
            return f"8x{module.in_channels}x64"
        if isinstance(module, nn.Embedding):
            return f"'8x32:int64<{module.num_embeddings}'"
    return "32x16"
