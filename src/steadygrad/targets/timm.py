"""`timm:NAME`: an architecture of timm with random weights and generated images."""

import difflib
from typing import Any

import torch

from steadygrad.case import Case
from steadygrad.errors import MissingExtra, ModelError, TargetError
from steadygrad.targets.images import as_images, batch_for, images, labels


def case(name: str, *, inputs: Any = None, seed: int = 0, batch_size: int | None = None) -> Case:
    """Random weights, standard normal images of the architecture's own size, cross-entropy over its classes.

    Raises:
        MissingExtra: timm is not installed.
        TargetError: timm has no such architecture.
        ModelError: timm cannot build it.
    """
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision built for another torch
        raise MissingExtra(f"`timm:{name}` needs timm ({error}): pip install 'steadygrad[models]'") from error
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        raise TargetError(f"timm has no `{name}`" + (f"; did you mean {', '.join(near)}?" if near else "; timm.list_models() has the names"))
    try:
        model = timm.create_model(name, pretrained=False)
    except Exception as error:
        raise ModelError(f"timm cannot build `{name}`: {type(error).__name__}: {error}") from error
    size = (getattr(model, "pretrained_cfg", None) or {}).get("input_size", (3, 224, 224))
    count = batch_size or batch_for(size, sum(p.numel() for p in model.parameters()))
    batch = images(size, seed, count) if inputs is None else as_images(inputs, f"timm:{name}")
    classes = getattr(model, "num_classes", 0)
    if not classes:
        return Case(model, batch, generated=True, name=name)
    return Case(model, batch, labels(len(batch), classes, seed), _cross_entropy, generated=True, name=name)


def _cross_entropy(output: Any, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, averaged over heads where an architecture trains several."""
    if isinstance(output, tuple | list):
        losses = [torch.nn.functional.cross_entropy(o, labels) for o in output if isinstance(o, torch.Tensor) and o.ndim == 2]
        return torch.stack(losses).mean()
    return torch.nn.functional.cross_entropy(output, labels)
