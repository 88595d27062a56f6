"""`torchvision:NAME`: an architecture of torchvision with random weights and generated images or clips."""

import difflib
from typing import Any

import torch

from steadygrad.case import Case
from steadygrad.errors import MissingExtra, TargetError

BATCH = 4
SIZES = {"inception_v3": 299}


def case(name: str) -> Case:
    """Random weights and generated inputs by kind: classification, segmentation, detection, video, optical flow.

    Raises:
        MissingExtra: torchvision is not installed.
        TargetError: torchvision has no such architecture, or it is quantized and cannot be trained.
    """
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        raise MissingExtra(f"`torchvision:{name}` needs a torchvision that fits the installed torch ({error}): pip install 'steadygrad[models]'") from error
    names = models.list_models()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3)
        raise TargetError(f"torchvision has no `{name}`" + (f"; did you mean {', '.join(near)}?" if near else ""))
    if name.startswith("quantized_"):
        raise TargetError(f"`torchvision:{name}` holds int8 weights, which are not trained; check `torchvision:{name.removeprefix('quantized_')}`")
    arguments: dict[str, Any] = {"weights": None}
    if any(part in name for part in ("rcnn", "retinanet", "fcos", "ssd", "deeplab", "fcn", "lraspp")):
        arguments["weights_backbone"] = None
    model = models.get_model(name, **arguments)
    return _dressed(model, name, type(model).__module__)


def _dressed(model: Any, name: str, module: str) -> Case:
    generator = torch.Generator().manual_seed(0)
    if ".detection" in module:
        return _detection(model, name, generator)
    if ".optical_flow" in module:
        pair = tuple(torch.randn(2, 3, 128, 128, generator=generator) for _ in range(2))
        return Case(model, pair, generated=True, name=name)
    if ".video" in module:
        clips = torch.randn(2, 3, 16, 224 if "mvit" in name or "swin" in name else 112, 224 if "mvit" in name or "swin" in name else 112, generator=generator)
        return Case(model, clips, torch.randint(0, 400, (2,), generator=generator), torch.nn.functional.cross_entropy, generated=True, name=name)
    if ".segmentation" in module:
        images = torch.randn(BATCH, 3, 128, 128, generator=generator)
        masks = torch.randint(0, 21, (BATCH, 128, 128), generator=generator)
        return Case(model, images, masks, _over_outputs, generated=True, name=name)
    size = SIZES.get(name, 224)
    images = torch.randn(BATCH, 3, size, size, generator=generator)
    labels = torch.randint(0, 1000, (BATCH,), generator=generator)
    return Case(model, images, labels, _over_outputs, generated=True, name=name)


def _detection(model: Any, name: str, generator: torch.Generator) -> Case:
    images = [torch.rand(3, 224, 224, generator=generator) for _ in range(2)]
    boxes = torch.tensor([[20.0, 30.0, 120.0, 140.0], [60.0, 50.0, 200.0, 180.0]])
    answers: list[dict[str, torch.Tensor]] = []
    for _ in images:
        answer = {"boxes": boxes.clone(), "labels": torch.tensor([1, 2])}
        if "mask" in name:
            answer["masks"] = torch.zeros(2, 224, 224, dtype=torch.uint8)
            answer["masks"][:, 60:120, 70:110] = 1
        if "keypoint" in name:
            answer["keypoints"] = torch.rand(2, 17, 3, generator=generator) * 100.0 + 20.0
            answer["keypoints"][..., 2] = 1.0
            answer["labels"] = torch.tensor([1, 1])
        answers.append(answer)
    return Case(model, (images, answers), None, _sum_of_losses, generated=True, name=name)


def _sum_of_losses(losses: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.stack([value.mean() for value in losses.values()]).sum()


def _over_outputs(output: Any, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy on each head: segmentation and Inception return several."""
    if isinstance(output, torch.Tensor):
        return torch.nn.functional.cross_entropy(output, targets)
    heads = output.values() if isinstance(output, dict) else [o for o in output if isinstance(o, torch.Tensor)]
    return torch.stack([torch.nn.functional.cross_entropy(head, targets) for head in heads]).sum()
