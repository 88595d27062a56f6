"""Let torchvision be imported beside a CPU-only torch that its wheel was not built for.

torchvision's wheel needs its compiled operators; where they cannot be loaded, importing it fails on registering fake
versions of them. For benchmarks only: this declares the operators' schemas, so that the import goes through and models
that do not use them run. Does nothing where torchvision works.
"""

import re
import sys

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor",
    "roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)",
    "ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio) -> (Tensor, Tensor)",
    "ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, "
    "SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor",
)
_library = None


def install() -> None:
    """Declare what is missing."""
    global _library
    for _ in range(64):
        try:
            import torchvision  # noqa: F401
        except ImportError:
            return
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                return
            _library = _library or torch.library.Library("torchvision", "FRAGMENT")
            known = [s for s in SCHEMAS if s.startswith(missing[1] + "(")]
            _library.define(known[0] if known else f"{missing[1]}(Tensor x) -> Tensor")
            for name in [n for n in sys.modules if n.startswith("torchvision")]:
                del sys.modules[name]
        else:
            if _library is not None:
                _implement()
            return


def _implement() -> None:
    """Suppression and region pooling in plain torch, so that detection models run."""
    from torchvision.ops.roi_align import _roi_align

    for module in [m for n, m in sys.modules.items() if n.startswith("torchvision")]:
        for name, stand_in in (("_has_ops", lambda: True), ("_assert_has_ops", lambda: None)):
            if hasattr(module, name):
                setattr(module, name, stand_in)
    for schema in SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.partition("(")[0]):
            _library.define(schema)
    _library.impl("nms", _nms, "CPU")
    _library.impl("roi_align", _roi_align, "CompositeImplicitAutograd")


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Boxes (n, 4) kept, best score first: one is dropped when it overlaps a kept one by more than the threshold."""
    kept, order = [], scores.argsort(descending=True)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while order.numel():
        best, order = order[0], order[1:]
        kept.append(best)
        low, high = torch.maximum(boxes[best, :2], boxes[order, :2]), torch.minimum(boxes[best, 2:], boxes[order, 2:])
        common = (high - low).clamp(min=0).prod(1)
        order = order[common / (areas[best] + areas[order] - common) <= iou_threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)
