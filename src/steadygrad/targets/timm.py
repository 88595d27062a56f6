"""`timm:NAME`: an architecture of timm with random weights and generated images.

Images are of the architecture's own size up to 384 × 384; where that is larger the sides are halved until they fit, rounded to
whole patches. Above half a billion parameters the blocks of a stage are at most 8. Both where timm can build it so, and then
the name of the case says so: how signals pass through a block depends on neither.
"""

import difflib
from typing import Any

import torch

from steadygrad.case import Case
from steadygrad.errors import MissingExtra, ModelError, TargetError
from steadygrad.targets.images import as_images, batch_for, images, labels

LARGEST_SIDE = 384  # pixels
LARGEST, DEEPEST = 500_000_000, 8  # parameters, blocks


def case(name: str, *, inputs: Any = None, seed: int = 0, batch_size: int | None = None) -> Case:
    """Random weights, standard normal images, cross-entropy over the architecture's classes.

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
        model, size, told = _built(timm, name, inputs is None)
    except Exception as error:
        raise ModelError(f"timm cannot build `{name}`: {type(error).__name__}: {error}") from error
    count = batch_size or batch_for(size, sum(p.numel() for p in model.parameters()))
    batch = images(size, seed, count) if inputs is None else as_images(inputs, f"timm:{name}")
    called = ", ".join([name, *told])
    classes = getattr(model, "num_classes", 0)
    if not classes:
        return Case(model, batch, generated=True, name=called)
    return Case(model, batch, labels(len(batch), classes, seed), _cross_entropy, generated=True, name=called)


def _built(timm: Any, name: str, free: bool) -> tuple[Any, tuple[int, ...], list[str]]:
    """The model, the size of its images, and in words what is smaller than the architecture's own; the size only where it is `free`."""
    own, outline = _outline(timm, name)
    size = _smaller(own, outline) if free else own
    shorter = _shorter(outline) if outline is not None and sum(p.numel() for p in outline.parameters()) > LARGEST else {}
    attempts = ((size, shorter), (own, shorter), (size, {}), (own, {}))
    for tried, blocks in dict.fromkeys((t, tuple(b.items())) for t, b in attempts if (t, b) != (own, {})):
        for sizes in ({"img_size": tried[1:]}, {}) if tried != own else ({},):
            if _runs(timm, name, tried, {**sizes, **dict(blocks)}):
                told = [f"images {tried[1]} × {tried[2]}"] * (tried != own) + [f"{k} {v}" for k, v in blocks]
                return timm.create_model(name, pretrained=False, **sizes, **dict(blocks)), tried, told
    return timm.create_model(name, pretrained=False), own, []


def _outline(timm: Any, name: str) -> tuple[tuple[int, ...], Any]:
    """The size of its images, and the model without memory for its numbers; None where it cannot be built so."""
    try:
        with torch.device("meta"):
            model = timm.create_model(name, pretrained=False)
    except Exception:  # what reads its own numbers while it is built
        cfg, model = timm.get_pretrained_cfg(name), None
        return tuple(getattr(cfg, "input_size", None) or (3, 224, 224)), model
    return tuple((getattr(model, "pretrained_cfg", None) or {}).get("input_size", (3, 224, 224))), model


def _smaller(own: tuple[int, ...], outline: Any) -> tuple[int, ...]:
    """Sides halved until they fit, in whole patches."""
    patch = getattr(getattr(outline, "patch_embed", None), "patch_size", None)
    step = max(patch) if isinstance(patch, tuple) and max(patch) > 8 else 32
    halvings = next(k for k in range(16) if max(own[1:]) <= LARGEST_SIDE << k)
    return own if not halvings else (own[0], *(max(round((side >> halvings) / step), 1) * step for side in own[1:]))


def _shorter(outline: Any) -> dict[str, Any]:
    """Options with which a stage has at most so many blocks; none where the model does not tell its stages."""
    blocks, stages = getattr(outline, "blocks", None), getattr(outline, "stages", None) or getattr(outline, "layers", None)
    if isinstance(blocks, torch.nn.Sequential | torch.nn.ModuleList) and not stages:
        return {"depth": DEEPEST} if len(blocks) > DEEPEST else {}
    counts = [len(getattr(stage, "blocks", ())) for stage in stages or ()]
    return {"depths": tuple(min(n, DEEPEST) for n in counts)} if counts and min(counts) and max(counts) > DEEPEST else {}


def _runs(timm: Any, name: str, size: tuple[int, ...], options: dict[str, Any]) -> bool:
    """Whether timm builds it so and its shapes fit, tried without memory for numbers."""
    try:
        with torch.device("meta"), torch.no_grad():
            timm.create_model(name, pretrained=False, **options)(torch.empty(2, *size))
    except Exception:  # whatever an option it does not have, or a shape that does not fit, makes it raise
        return False
    return True


def _cross_entropy(output: Any, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, averaged over heads where an architecture trains several."""
    if isinstance(output, tuple | list):
        losses = [torch.nn.functional.cross_entropy(o, labels) for o in output if isinstance(o, torch.Tensor) and o.ndim == 2]
        return torch.stack(losses).mean()
    return torch.nn.functional.cross_entropy(output, labels)
