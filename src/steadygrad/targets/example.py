"""`example`: an `--input` that fits a model, found by trying; for error messages."""

import inspect
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.graph.lazy import has_lazy
from steadygrad.graph.trace import call_model
from steadygrad.graph.transaction import transaction
from steadygrad.targets import generated


def example(model: nn.Module) -> str:
    """What to write after a missing `--input`: flags that the model accepts where some are found, else the forms."""
    for shape in _candidates(model):
        if _runs(model, shape):
            return f"for example --input {shape}"
    names = _required(model)
    taken = f"; its forward takes ({', '.join(names)}), so give {len(names)} of them" if len(names) > 1 else ""
    return f"of the form {generated.EXAMPLES}, batch first{taken}"


def _candidates(model: nn.Module) -> Iterator[str]:
    """Shapes that the first layers with a known width accept, small ones first."""
    if has_lazy(model) or len(_required(model)) > 1:
        return
    first = [s for module in model.modules() for s in _accepted(module)][:12]
    yield from dict.fromkeys(first)


def _accepted(module: nn.Module) -> list[str]:
    if isinstance(module, nn.Linear):
        return [f"32x{module.in_features}", f"8x32x{module.in_features}"]
    if isinstance(module, nn.Conv1d):
        return [f"8x{module.in_channels}x{n}" for n in (64, 1024)]
    if isinstance(module, nn.Conv2d):
        return [f"8x{module.in_channels}x{n}x{n}" for n in (32, 28, 64, 224)]
    if isinstance(module, nn.Conv3d):
        return [f"4x{module.in_channels}x{n}x{n}x{n}" for n in (16, 32)]
    if isinstance(module, nn.Embedding):
        return [f"'8x32:int64<{module.num_embeddings}'"]
    if isinstance(module, nn.RNNBase):
        return [f"8x32x{module.input_size}"]
    if isinstance(module, nn.MultiheadAttention):
        return [f"8x32x{module.embed_dim}"]
    return []


def _required(model: nn.Module) -> list[str]:
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):  # TorchScript has none
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in positional and p.default is p.empty]


def _runs(model: nn.Module, shape: str) -> bool:
    inputs = generated.inputs([shape.strip("'")])
    try:
        with transaction(model, inputs=inputs), torch.no_grad():
            call_model(model, inputs)
    except Exception:  # whatever a wrong shape makes the model raise
        return False
    return True
