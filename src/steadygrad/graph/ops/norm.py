"""Normalization: by statistics of the batch, the sample, groups or the whole vector."""

from dataclasses import replace
from math import prod

import numpy as np
import torch

from steadygrad.graph.ops.call import Call, Operand, Seen
from steadygrad.graph.ops.flow import Array, Flow, Gradient, Passage, Signal


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
    options = {"dim": call.get(2, "dim", 1)} if call.name == "normalize" else {}
    return Seen(call.name, "norm", [t for t in call.tensors() if call.side(t) == "signal"], options=options)


OPS = {
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "normalize": other_norm,
    "local_response_norm": other_norm,
}


def _common(at: Passage) -> float:
    """Share of a signal's second moment that its norm takes away with the mean it subtracts."""
    x, options, shape = at.incoming[0], at.node.options, at.shapes[0].shape
    if at.node.op == "batch_norm":
        values = int(options.get("values_per_channel", 0)) or 1
        positions = max(values // max(at.batch, 1), 1)
        return (1.0 + (positions - 1) * x.c + (values - positions) * x.b) / values
    if at.node.op == "instance_norm":
        positions = int(options.get("values_per_channel", 0)) or 1
        return (1.0 + (positions - 1) * x.c) / positions
    if at.node.op == "group_norm":
        channels = max(shape[1] // max(int(options.get("groups", 1)), 1), 1)
        positions = max(int(options.get("values_per_group", 0)) // channels, 1)
        alike = (1.0 + (positions - 1) * x.c) / positions
        return (alike + (channels - 1) * x.mean) / channels
    return x.mean if at.node.op in ("layer_norm", "simple_norm") else 0.0


def forward(at: Passage) -> Signal | None:
    """Second moment γ²·v/(v + eps) + β², where v is what is left of q without the mean the norm takes over its axes.

    A `simple_norm` divides by √v and subtracts no mean: γ²·q/(v + eps).
    """
    if not at.incoming:  # of a weight, not of a signal
        return None
    x, op = at.incoming[0], at.node.op
    if op == "normalize":
        return replace(x, q=np.full_like(x.q, 1.0 / _length(at)))
    if op not in ("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm", "simple_norm"):
        return None
    if at.node.options.get("training") is False:
        return None
    common = min(_common(at), 1.0)
    gamma, beta = _affine(at)
    v = x.q * (1.0 - common)
    own = gamma * (x.q if op == "simple_norm" else v) / (v + _eps(at))
    q = own + beta
    rest = max(1.0 - common, 1e-9)
    took = common if op in ("batch_norm", "instance_norm", "layer_norm") else 0.0
    c, b = ((value - took) / rest if took else value for value in (x.c, x.b))
    shifted = float((beta * np.ones_like(q))[0] / q[0]) if q[0] > 0.0 else 0.0
    mean = x.mean if op in ("rms_norm", "simple_norm") else 0.0
    return Signal(q, mean, _within(c) * (1.0 - shifted) + shifted, _within(b) * (1.0 - shifted) + shifted)


def backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """g·γ²/v, less the two directions in which a norm lets nothing through."""
    x = at.incoming[0]
    if at.node.op == "normalize":
        return [gradient.times(1.0 / (x.q * _length(at)))]
    if at.node.options.get("training") is False:
        return [gradient]
    gamma, _ = _affine(at)
    v = x.q * (1.0 - min(_common(at), 1.0)) + _eps(at)
    lost = min(2.0 / max(_values(at), 2), 0.9)
    return [Gradient(gradient.g * gamma / v * (1.0 - lost), gradient.c)]


def _length(at: Passage) -> int:
    """Entries of each vector that is made of unit length."""
    shape, dims = at.shapes[0].shape, at.node.options.get("dim", -1)
    return max(prod(shape[dim] for dim in (dims if isinstance(dims, list | tuple) else (dims,)) if isinstance(dim, int) and -len(shape) <= dim < len(shape)), 1)


def _values(at: Passage) -> int:
    """How many values one mean is taken over."""
    options = at.node.options
    return int(options.get("values_per_channel") or options.get("values_per_group") or prod(options.get("normalized_shape", ()) or (0,)) or 0)


def _affine(at: Passage) -> tuple[Array, Array]:
    gamma = next((at.moment(use) for use in at.of_role("scale")), np.ones(1))
    beta = next((at.moment(use) for use in at.of_role("shift")), np.zeros(1))
    return gamma, beta


def _eps(at: Passage) -> float:
    eps = at.node.options.get("eps")
    return float(eps) if isinstance(eps, int | float) else 1e-6


def _within(c: float) -> float:
    return min(max(c, -1.0), 1.0)


FLOWS = {"kind:norm": Flow(forward, backward)}
