"""`timm:NAME`: an architecture of timm with random weights and generated images."""

import difflib

import torch

from steadygrad.case import Case
from steadygrad.errors import MissingExtra, TargetError

BATCH = 4


def case(name: str) -> Case:
    """Random weights, standard normal images of the architecture's own size, cross-entropy over its classes.

    Raises:
        MissingExtra: timm is not installed.
        TargetError: timm has no such architecture.
    """
    try:
        import timm
    except ImportError as error:
        raise MissingExtra(f"`timm:{name}` needs timm ({error}): pip install 'steadygrad[models]'") from error
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        raise TargetError(f"timm has no `{name}`" + (f"; did you mean {', '.join(near)}?" if near else ""))
    model = timm.create_model(name, pretrained=False)
    size = getattr(model, "pretrained_cfg", {}).get("input_size", (3, 224, 224))
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, *size, generator=generator)
    classes = getattr(model, "num_classes", 0)
    if not classes:
        return Case(model, images, generated=True, name=name)
    labels = torch.randint(0, classes, (BATCH,), generator=generator)
    return Case(model, images, labels, _cross_entropy, generated=True, name=name)


def _cross_entropy(output: object, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, averaged over heads where an architecture trains several."""
    if isinstance(output, tuple | list):
        losses = [torch.nn.functional.cross_entropy(o, labels) for o in output if isinstance(o, torch.Tensor) and o.ndim == 2]
        return torch.stack(losses).mean()
    return torch.nn.functional.cross_entropy(output, labels)  # type: ignore[arg-type]
