"""Normalization: by statistics of the batch, the sample, groups or the whole vector."""

import torch

from steadygrad.graph.ops.call import Call, Operand, Seen


def _scale_shift(call: Call, scale: object, shift: object) -> list[Operand]:
    found = []
    if isinstance(scale, torch.Tensor) and call.side(scale) == "parameter":
        found.append(Operand(scale, "scale", None, 0))
    if isinstance(shift, torch.Tensor) and call.side(shift) == "parameter":
        found.append(Operand(shift, "shift", None, 0))
    return found


def batch_norm(call: Call) -> Seen:
    """`F.batch_norm(x, mean, var, weight, bias, training, momentum, eps)` and torch.batch_norm's other order."""
    x = call.get(0, "input")
    builtin = len(call.args) == 9  # torch.batch_norm takes (x, weight, bias, mean, var, …, cudnn); F.batch_norm has 8
    weight, bias = call.get(1 if builtin else 3, "weight"), call.get(2 if builtin else 4, "bias")
    options = {
        "training": bool(call.get(5, "training", False)),
        "momentum": call.get(6, "momentum", 0.1),
        "eps": float(call.get(7, "eps", 1e-5)),
        "values_per_channel": x.numel() // x.shape[1] if x.ndim > 1 and x.shape[1] else 0,
    }
    return Seen("batch_norm", "norm", [x], _scale_shift(call, weight, bias), options, 1 if x.ndim > 1 else 0, starts=True)


def layer_norm(call: Call) -> Seen:
    """`F.layer_norm` and `F.rms_norm` over the last axes."""
    x, shape = call.get(0, "input"), call.get(1, "normalized_shape", ())
    scale = call.get(2, "weight")
    shift = call.get(3, "bias") if call.name == "layer_norm" else None
    eps = call.get(4 if call.name == "layer_norm" else 3, "eps")
    options = {"normalized_shape": tuple(shape) if isinstance(shape, list | tuple) else (shape,), "eps": eps}
    return Seen(call.name, "norm", [x], _scale_shift(call, scale, shift), options, x.ndim - 1, starts=True)


def group_norm(call: Call) -> Seen:
    """`F.group_norm(x, groups, weight, bias, eps)`."""
    x, groups = call.get(0, "input"), call.get(1, "num_groups")
    options = {"groups": groups, "eps": call.get(4, "eps", 1e-5), "values_per_group": x[0].numel() // groups if len(x) else 0}
    return Seen("group_norm", "norm", [x], _scale_shift(call, call.get(2, "weight"), call.get(3, "bias")), options, 1, starts=True)


def instance_norm(call: Call) -> Seen:
    """`F.instance_norm(x, mean, var, weight, bias, use_input_stats, momentum, eps)`."""
    x = call.get(0, "input")
    weight, bias = (call.get(3, "weight"), call.get(4, "bias")) if call.name == "instance_norm" else (None, None)
    options = {"eps": call.get(7, "eps", 1e-5), "values_per_channel": x[0, 0].numel() if x.ndim > 2 and x.numel() else 0}
    options["training"] = bool(call.get(5, "use_input_stats", True))
    return Seen("instance_norm", "norm", [x], _scale_shift(call, weight, bias), options, 1, starts=True)


def other_norm(call: Call) -> Seen:
    """Norms without parameters: `F.normalize`, local response."""
    return Seen(call.name, "norm", [t for t in call.tensors() if call.side(t) == "signal"])


OPS = {
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "normalize": other_norm,
    "local_response_norm": other_norm,
}
