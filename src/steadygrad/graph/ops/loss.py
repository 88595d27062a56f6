"""Loss functions. The first signal is the prediction, the second the target."""

from typing import Any

import torch

from steadygrad.graph.ops.call import Call, Operand, Seen

LOSSES = (
    "cross_entropy", "nll_loss", "nll_loss2d", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "hinge_embedding_loss",
    "cosine_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss", "ctc_loss",
)  # fmt: skip


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()


def loss(call: Call) -> Seen:
    """`F.*_loss(prediction, target, …)`."""
    prediction, target = call.get(0, "input"), call.get(1, "target")
    reduction = call.kwargs.get("reduction", "mean")
    options = {
        "reduction": reduction if isinstance(reduction, str) else str(reduction),
        "prediction_shape": _shape(prediction),
        "target_shape": _shape(target),
        "target_dtype": str(target.dtype).removeprefix("torch.") if isinstance(target, torch.Tensor) else "",
    }
    for name in ("ignore_index", "label_smoothing", "log_input", "full", "delta", "beta"):
        if isinstance(call.kwargs.get(name), int | float):
            options[name] = call.kwargs[name]
    options["weighted"] = isinstance(call.kwargs.get("weight"), torch.Tensor)
    signals = [t for t in (prediction, target) if isinstance(t, torch.Tensor)]
    operands = [Operand(t, "other") for t in call.tensors() if call.side(t) == "parameter"]
    return Seen(call.name, "loss", signals, operands, options)


OPS = dict.fromkeys(LOSSES, loss)
