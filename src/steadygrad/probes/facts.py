"""Plain facts about what was handed in: batch tensors, loss, optimizer, buffers, modules."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.graph.storage import numbers
from steadygrad.graph.tracer import DTYPE_NAMES
from steadygrad.graph.wrappers import canonical
from steadygrad.probes import statistics
from steadygrad.probes.evidence import LossFacts, OptimizerFacts, OptimizerGroup, TensorFacts
from steadygrad.probes.statistics import Reading

FEATURES = 256
ENOUGH_SAMPLES = 8
COUNTED = 1 << 20


def tensor_facts(value: Any, name: str) -> tuple[TensorFacts, ...]:
    """Facts about every tensor in a batch structure."""
    return tuple(_facts(path, tensor) for path, tensor in named_tensors(value, name) if numbers(tensor).numel())


def _facts(name: str, tensor: torch.Tensor) -> TensorFacts:
    value, shape = numbers(tensor), tuple(tensor.shape)
    dtype = DTYPE_NAMES.get(value.dtype, str(value.dtype))
    dense = tensor.layout is torch.strided  # of a sparse tensor only the stored values are looked at
    reading = statistics.read(value, samples=dense and value.ndim > 1)
    if value.is_complex() or value.dtype == torch.bool:
        return TensorFacts(name, shape, dtype, reading)
    low, high = (float(x) for x in torch.aminmax(value.float() if value.dtype.itemsize < 4 else value))
    constant, features, correlation = _features(value) if dense else (0, 0, None)
    return TensorFacts(name, shape, dtype, reading, low, high, _distinct(value), constant, features, correlation)


def _distinct(value: torch.Tensor) -> int | None:
    """How many distinct values a tensor of whole numbers holds; None when it is not one."""
    if value.numel() > COUNTED:
        value = value.flatten()[:COUNTED]
    if value.is_floating_point() and not bool((value == value.round()).all()):
        return None
    return int(torch.unique(value).numel())


def _features(value: torch.Tensor) -> tuple[int, int, float | None]:
    """Constant features over the batch, features, and the root mean square correlation between up to 256 of them."""
    if value.ndim < 2 or value.shape[0] < 2 or not value.is_floating_point():
        return 0, 0, None
    rows = value.reshape(value.shape[0], -1)
    features = rows.shape[1]
    constant = int((rows == rows[:1]).all(0).sum())
    if features > FEATURES:
        rows = rows[:, torch.linspace(0, features - 1, FEATURES).long()]
    rows = rows.double() - rows.double().mean(0)
    rows = rows[:, rows.square().sum(0) > 0]
    n, width = rows.shape
    if n < ENOUGH_SAMPLES or width < 2 or not bool(torch.isfinite(rows).all()):
        return constant, features, None
    gram = (rows / rows.norm(dim=0)).T @ (rows / rows.norm(dim=0))
    square = (gram.square().sum() - width) / (width * (width - 1))
    # of independent features the sample correlation has mean square 1/(n − 1); take that off
    return constant, features, math.sqrt(max(float(square) - 1.0 / (n - 1), 0.0))


def loss_facts(graph: SignalGraph, loss: torch.Tensor | None, kind: str, targets: tuple[TensorFacts, ...]) -> LossFacts:
    """Which loss it is, its value, and the value a network that knows nothing should start from."""
    if loss is None:
        return LossFacts("none", None)
    value = float(loss.detach())
    if kind == "cotangent":
        return LossFacts("cotangent", value)
    node = _loss_node(graph)
    if node is None:
        return LossFacts("custom" if kind == "loss_fn" else "model", value, graph.loss)
    expected, why, classes = _expected(node, targets)
    return LossFacts(node.op, value, node.index, str(node.options.get("reduction", "")), classes, expected, why)


def _loss_node(graph: SignalGraph) -> Node | None:
    losses = [node for node in graph.nodes if node.kind == "loss"]
    if graph.loss is None or len(losses) != 1:
        return None
    # only when the scalar is that op's result, not arithmetic around it
    node = graph.nodes[graph.loss]
    while node.kind in ("view", "cast") and node.inputs:
        node = graph.nodes[node.inputs[0]]
    return node if node.index == losses[0].index else None


def _expected(node: Node, targets: tuple[TensorFacts, ...]) -> tuple[float | None, str, int | None]:
    shape = node.options.get("prediction_shape", ())
    if node.op in ("cross_entropy", "nll_loss") and len(shape) >= 1:
        classes = shape[1] if len(shape) > 1 else shape[0]
        if node.options.get("reduction") == "mean" and classes > 1:
            return math.log(classes), f"ln {classes}: every class equally likely", classes
        return None, "", classes
    if node.options.get("reduction") != "mean":
        return None, "", None
    if node.op in ("binary_cross_entropy_with_logits", "binary_cross_entropy"):
        return math.log(2.0), "ln 2: both answers equally likely", 2
    if node.op == "mse_loss" and len(targets) == 1:
        q = targets[0].reading.moments.q
        return q, "mean square of the targets: predicting zero", None
    return None, "", None


def optimizer_facts(optimizer: Any, names: Mapping[int, str]) -> OptimizerFacts | None:
    """Groups with their plain hyper-parameters and canonical parameter names."""
    if optimizer is None:
        return None
    groups, foreign = [], 0
    for group in optimizer.param_groups:
        known = [names[id(p)] for p in group["params"] if id(p) in names]
        foreign += len(group["params"]) - len(known)
        options = {k: _plain(v) for k, v in group.items() if k != "params"}
        groups.append(OptimizerGroup(options, tuple(known)))
    return OptimizerFacts(type(optimizer).__name__, tuple(groups), foreign)


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return float(value) if value.numel() == 1 else tuple(value.shape)
    return tuple(value) if isinstance(value, list) else value


def buffer_readings(model: nn.Module) -> dict[str, Reading]:
    """Every floating buffer's reading (running statistics among them)."""
    found = {}
    for name, buffer in model.named_buffers():
        if buffer is not None and buffer.is_floating_point() and buffer.numel():
            found[canonical(name)] = statistics.read(buffer.detach(), 0 if buffer.ndim == 1 else None)
    return found


def module_facts(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Module path → its class name and plain public attributes."""
    found = {}
    for path, module in model.named_modules():
        plain = {k: v for k, v in vars(module).items() if not k.startswith("_") and isinstance(v, bool | int | float | str | None)}
        found[canonical(path)] = {"type": type(module).__name__, **plain}
    return found
