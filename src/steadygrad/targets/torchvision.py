"""`torchvision:NAME`: an architecture of torchvision with random weights and generated images or clips."""

import difflib
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from steadygrad.case import Case
from steadygrad.errors import InputError, MissingExtra, TargetError
from steadygrad.targets.images import as_images, batch_for, images, labels

WITH_BACKBONE = ("rcnn", "retinanet", "fcos", "ssd", "deeplab", "fcn", "lraspp")
LARGE_CLIPS = ("mvit", "swin3d", "s3d")


def case(name: str, *, inputs: Any = None, seed: int = 0, batch_size: int | None = None) -> Case:
    """Random weights, and inputs, targets and a loss by the kind of architecture.

        classification   images of 224 × 224 (Inception 299, as its stem needs), cross-entropy, over both heads where there are two
        segmentation     images of 128 × 128, cross-entropy per pixel
        video            clips of 16 frames, 112 × 112 (transformers and S3D 224), cross-entropy
        detection        two images of 224 × 224 with two boxes each; the sum of the losses the model returns
        optical flow     two pairs of 128 × 128; no loss

    Raises:
        MissingExtra: torchvision is not installed, or built for another torch.
        TargetError: torchvision has no such architecture, or it is quantized and cannot be trained.
        InputError: `inputs` do not fit the kind.
    """
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        raise MissingExtra(f"`torchvision:{name}` needs a torchvision that fits the installed torch ({error}): pip install 'steadygrad[models]'") from error
    names = models.list_models()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3)
        raise TargetError(f"torchvision has no `{name}`" + (f"; did you mean {', '.join(near)}?" if near else "; torchvision.models.list_models() has the names"))
    if name.startswith("quantized_"):
        raise TargetError(f"`torchvision:{name}` holds int8 weights, which are not trained; check `torchvision:{name.removeprefix('quantized_')}`")
    backbone = {"weights_backbone": None} if any(part in name for part in WITH_BACKBONE) else {}
    model = models.get_model(name, weights=None, **backbone)
    kind = next((k for k in KINDS if f".{k}" in type(model).__module__), "classification")
    return KINDS[kind](model, name, inputs, seed, batch_size)


def _classification(model: Any, name: str, inputs: Any, seed: int, batch_size: int | None) -> Case:
    side = 299 if name == "inception_v3" else 224
    count = batch_size or batch_for((3, side, side), sum(p.numel() for p in model.parameters()))
    batch = images((3, side, side), seed, count) if inputs is None else as_images(inputs, name)
    return Case(model, batch, labels(len(batch), 1000, seed), _over_heads, generated=True, name=name)


def _segmentation(model: Any, name: str, inputs: Any, seed: int, batch_size: int | None) -> Case:
    batch = images((3, 128, 128), seed, batch_size) if inputs is None else as_images(inputs, name)
    generator = torch.Generator().manual_seed(seed + 1)
    masks = torch.randint(0, 21, (len(batch), *batch.shape[2:]), generator=generator)
    return Case(model, batch, masks, _over_heads, generated=True, name=name)


def _video(model: Any, name: str, inputs: Any, seed: int, batch_size: int | None) -> Case:
    side = 224 if any(part in name for part in LARGE_CLIPS) else 112
    clips = images((3, 16, side, side), seed, batch_size or 2) if inputs is None else as_images(inputs, name, 5)
    return Case(model, clips, labels(len(clips), 400, seed), functional.cross_entropy, generated=True, name=name)


def _optical_flow(model: Any, name: str, inputs: Any, seed: int, batch_size: int | None) -> Case:
    if inputs is not None and not (isinstance(inputs, tuple) and len(inputs) == 2):
        raise InputError(f"`{name}` takes two images, such as --input 2x3x128x128 --input 2x3x128x128, got {type(inputs).__name__}")
    generator = torch.Generator().manual_seed(seed)
    pair = inputs or tuple(torch.randn(batch_size or 2, 3, 128, 128, generator=generator) for _ in range(2))
    return Case(model, pair, generated=True, name=name)


def _detection(model: Any, name: str, inputs: Any, seed: int, batch_size: int | None) -> Case:
    if inputs is not None:
        raise InputError(f"`{name}` is trained on images with boxes, which shapes do not describe, got {type(inputs).__name__}; leave --input out")
    generator = torch.Generator().manual_seed(seed)
    batch = [torch.rand(3, 224, 224, generator=generator) for _ in range(batch_size or 2)]
    answers = [_objects(name, generator) for _ in batch]
    return Case(model, (batch, answers), None, _sum_of_losses, generated=True, name=name)


def _objects(name: str, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Two objects in an image: boxes and classes, with masks or 17 visible key points where the architecture learns them."""
    objects = {"boxes": torch.tensor([[20.0, 30.0, 120.0, 140.0], [60.0, 50.0, 200.0, 180.0]]), "labels": torch.tensor([1, 2])}
    if "mask" in name:
        objects["masks"] = torch.zeros(2, 224, 224, dtype=torch.uint8)
        objects["masks"][:, 60:120, 70:110] = 1
    if "keypoint" in name:
        objects["keypoints"] = torch.rand(2, 17, 3, generator=generator) * 40.0 + 70.0  # inside both boxes
        objects["keypoints"][..., 2] = 1.0
        objects["labels"] = torch.tensor([1, 1])
    return objects


KINDS: dict[str, Callable[[Any, str, Any, int, int | None], Case]] = {
    "classification": _classification, "segmentation": _segmentation, "video": _video, "detection": _detection, "optical_flow": _optical_flow,
}  # fmt: skip


def _sum_of_losses(losses: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.stack([value.mean() for value in losses.values()]).sum()


def _over_heads(output: Any, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy on each head: segmentation and Inception return several."""
    if isinstance(output, torch.Tensor):
        return functional.cross_entropy(output, targets)
    heads = output.values() if isinstance(output, dict) else [o for o in output if isinstance(o, torch.Tensor)]
    return torch.stack([functional.cross_entropy(head, targets) for head in heads]).sum()
