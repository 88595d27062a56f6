"""Bad input gets a clear error before anything runs; what the model raises itself gets a hint what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.errors import InputError, ModelError
from steadygrad.graph.nested import named_tensors

HINTS = (
    (r"same dtype, but got (Long|Int|Byte|Char|Bool)|expected (scalar type|m1 and m2|mat1 and mat2).*(Float|float|dtype).*(Long|Int|long|int)|not implemented for '(Long|Int|Byte|Char|Short)'|Input type \((torch\.)?(Long|Int|Byte|Char)\w*\)",
     "the inputs hold whole numbers where the layer needs floats: pass `inputs.float()`"),
    (r"(Expected tensor for argument #1 'indices'|embedding.*(Float|float)|to be one of.*Long, Int)",
     "an embedding needs whole numbers: pass `inputs.long()`"),
    (r"expected target dtype to be Long|expected scalar type Long but found Float",
     "this loss takes class numbers: pass `targets.long()`, or one-hot rows of the outputs' shape"),
    (r"Expected input batch_size|Expected target size|Using a target size|input and target (must|shapes)",
     "outputs and targets do not belong together: compare their shapes; one target per sample, in the form this loss declares"),
    (r"(must have the same dtype|expected scalar type|Input type|should be the same|same dtype)",
     "inputs and weights differ in dtype: pass `inputs.to(next(model.parameters()).dtype)`, or `.half()`/`.float()` the model"),
    (r"(Expected all tensors to be on the same device|is on (cpu|cuda)|CUDA|device type)",
     "inputs and model are on different devices, or the model needs one that is absent: `.to(device)` both"),
    (r"mat1 and mat2 shapes cannot be multiplied|size mismatch|shape .* is invalid|expected input.*to have|Expected \d+D|must match the size|Given groups",
     "the shape of the inputs does not fit this layer: compare the shape given with what the layer declares"),
    (r"missing \d+ required positional argument|unexpected keyword argument|takes \d+ positional",
     "pass a tuple for positional arguments or a dict for keyword arguments as `inputs`"),
    (r"index out of range|out of bounds|Target \d+ is out of bounds", "an index is larger than the table or the number of classes it points into"),
    (r"more than 1 value per channel", "batch normalization needs more than one value per channel: use a batch of at least 2"),
)  # fmt: skip


def inspect_case(case: Case) -> None:
    """Refuse what cannot be measured.

    Raises:
        InputError: not a module, no parameters, no inputs, an iterator instead of a batch, an empty batch, meta tensors.
    """
    model = case.model
    inspect_model(model)
    if not any(True for _ in model.parameters()):
        raise InputError(f"`{type(model).__name__}` has no parameters (0 tensors), so there is nothing to train; register weights as nn.Parameter")
    if case.inputs is None:
        raise InputError(f"`inputs` must be one batch, got None; pass check({type(model).__name__}(...), batch), or --input SHAPE on the command line")
    inspect_batch("inputs", case.inputs)
    if case.targets is not None:
        inspect_batch("targets", case.targets, needs_tensor=False)
        if case.loss_fn is None:
            raise InputError(f"`targets` ({type(case.targets).__name__}) were given without `loss_fn`; pass the loss too, for example torch.nn.functional.cross_entropy")
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise InputError(f"`{name}` is on the meta device (shape {tuple(parameter.shape)}); materialise the model first: model.to_empty(device='cpu')")


def inspect_model(model: Any) -> None:
    """Refuse what is no module.

    Raises:
        InputError: a class, a function, anything else.
    """
    if isinstance(model, type):
        raise InputError(f"`model` must be a module, got the class {model.__name__}; call it first: `{model.__name__}(...)`")
    if not isinstance(model, nn.Module):
        raise InputError(f"`model` must be a torch.nn.Module, got {type(model).__name__}; wrap functions in a module")


def inspect_batch(what: str, value: Any, *, needs_tensor: bool = True) -> None:
    """Refuse what is no batch.

    Raises:
        InputError: an iterator or loader, no tensors, a nested tensor without sizes, no samples.
    """
    if hasattr(value, "__next__"):
        raise InputError(f"`{what}` must be one batch, got a {type(value).__name__}; take one batch from it: next({what})")
    if isinstance(value, torch.utils.data.DataLoader):
        raise InputError(f"`{what}` must be one batch, got a {type(value).__name__}; take one batch from it: next(iter(loader))")
    tensors = list(named_tensors(value, what))
    if needs_tensor and not tensors:
        raise InputError(f"`{what}` must hold at least one tensor, got {type(value).__name__}; convert arrays with torch.as_tensor")
    for name, tensor in tensors:
        if tensor.is_nested and tensor.layout is torch.strided:
            raise InputError(f"`{name}` is a nested tensor of the strided layout, which has no sizes (dtype {tensor.dtype}); build it with layout=torch.jagged")
        if tensor.ndim and tensor.shape[0] == 0:
            raise InputError(f"`{name}` is an empty batch of shape {tuple(tensor.shape)}; pass at least one sample, better 16 or more")


@contextmanager
def explained(case: Case) -> Iterator[None]:
    """Add to a `ModelError` what was passed and, where its text is known, what to do."""
    try:
        yield
    except ModelError as error:
        text = str(error)
        given = list(named_tensors(case.inputs, "inputs"))[:4]
        if text.startswith("loss_fn") and case.targets is not None:
            given += list(named_tensors(case.targets, "targets"))[:2]
        shapes = ", ".join(f"{n} {tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for n, t in given)
        hint = next((say for pattern, say in HINTS if re.search(pattern, text)), "")
        raise ModelError(f"{text}\n  given: {shapes}" + (f"\n  try: {hint}" if hint else "")) from error.__cause__
