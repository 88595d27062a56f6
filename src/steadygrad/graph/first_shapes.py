"""Shapes of inputs that a model's layers accept, for when nobody brought a batch."""

import inspect
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.graph.lazy import has_lazy

Shape = tuple[tuple[int, ...], int | None]
"""Axes, batch first; and the number of values of an integer input, None for floats."""


def first_shapes(model: nn.Module, most: int = 12) -> Iterator[Shape]:
    """What the first layers with a known width accept, small ones first; nothing where the forward takes several tensors."""
    if has_lazy(model) or len(required(model)) > 1:
        return
    yield from list(dict.fromkeys(shape for module in model.modules() for shape in accepted(module)))[:most]


def accepted(module: nn.Module) -> list[Shape]:
    """Shapes one layer accepts.

    Example:
        >>> accepted(nn.Linear(16, 4))
        [((32, 16), None), ((8, 32, 16), None)]
    """
    if isinstance(module, nn.Linear):
        return [((32, module.in_features), None), ((8, 32, module.in_features), None)]
    if isinstance(module, nn.Conv1d):
        return [((8, module.in_channels, n), None) for n in (64, 1024)]
    if isinstance(module, nn.Conv2d):
        return [((8, module.in_channels, n, n), None) for n in (32, 28, 64, 224)]
    if isinstance(module, nn.Conv3d):
        return [((4, module.in_channels, n, n, n), None) for n in (16, 32)]
    if isinstance(module, nn.Embedding):
        return [((8, 32), module.num_embeddings)]
    if isinstance(module, nn.RNNBase):
        return [((8, 32, module.input_size), None)]
    if isinstance(module, nn.MultiheadAttention):
        return [((8, 32, module.embed_dim), None)]
    return []


def made_up(shape: Shape, device: torch.device | str = "cpu") -> torch.Tensor:
    """A batch of that shape: standard normal, or tokens; the same every time."""
    axes, values = shape
    if str(device) == "meta":
        return torch.empty(axes, device="meta", dtype=torch.float32 if values is None else torch.int64)
    generator = torch.Generator().manual_seed(0)
    made = torch.randn(axes, generator=generator) if values is None else torch.randint(values, axes, generator=generator)
    return made.to(device)


def required(model: nn.Module) -> list[str]:
    """Names of the forward's arguments without a default."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):  # TorchScript has none
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in positional and p.default is p.empty]
