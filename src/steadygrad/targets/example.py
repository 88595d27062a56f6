"""`example`: an `--input` that fits a model, found by trying; for error messages."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.graph.first_shapes import first_shapes, required
from steadygrad.graph.trace import call_model
from steadygrad.graph.transaction import transaction
from steadygrad.targets import generated


def example(model: nn.Module) -> str:
    """What to write after a missing `--input`: flags that the model accepts where some are found, else the forms."""
    for shape in _candidates(model):
        if _runs(model, shape):
            return f"for example --input {shape}"
    names = required(model)
    taken = f"; its forward takes ({', '.join(names)}), so give {len(names)} of them" if len(names) > 1 else ""
    return f"of the form {generated.EXAMPLES}, batch first{taken}"


def _candidates(model: nn.Module) -> Iterator[str]:
    """Shapes that the first layers with a known width accept, as `--input` spells them."""
    for axes, values in first_shapes(model):
        written = "x".join(map(str, axes))
        yield written if values is None else f"'{written}:int64<{values}'"


def _runs(model: nn.Module, shape: str) -> bool:
    inputs = generated.inputs([shape.strip("'")])
    try:
        with transaction(model, inputs=inputs), torch.no_grad():
            call_model(model, inputs)
    except Exception:  # whatever a wrong shape makes the model raise
        return False
    return True
