"""Second moments, correlations and gradient factors of every layer of a real network, beside the wide-network prediction."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from steadygrad.graph.neighbours import activation_of
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.ops import Call
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.graph.trace import random_cotangent, trace
from steadygrad.graph.transaction import transaction
from steadygrad.graph.wrappers import canonical, unwrap
from steadygrad.theory import activations, gaussian
from steadygrad.theory.activation import Activation

MOST_SAMPLES = 128


@dataclass(frozen=True)
class Signal:
    """One pre-activation z. Predicted values are rolled out from the first layer's measured ones; None where the theory has no say.

    Attributes:
        where: module path.
        weight_variance, bias_variance: σ_w² = fan_in·mean(W²) and σ_b² = mean(b²), as they are in the model.
        q: mean z² over samples and units; predicted by the length map.
        c: mean cosine of pairs of samples (of at most 128); predicted by the correlation map. None for a single sample.
        chi: Σ(∂/∂z_{l−1})² over Σ(∂/∂z_l)², for a random gradient at the output; predicted χ₁ = σ_w² E[φ′²]. None for the first layer.
        reason: why nothing is predicted, "" where something is.
    """

    where: str
    weight_variance: float
    bias_variance: float
    q: float
    c: float | None
    chi: float | None
    q_predicted: float | None = None
    c_predicted: float | None = None
    chi_predicted: float | None = None
    reason: str = ""


def signals(model: nn.Module, inputs: Any) -> tuple[Signal, ...]:
    """Measure every layer with a weight, in order of execution, and predict the plain stretches: affine, elementwise φ, affine.

    The prediction is that of infinite width and of independent weights: a measured q differs by about √(5/n) per ReLU layer of width n
    (`theory.finite_width`), and the mean over a batch of unequal samples is not the map of the mean. Padding is not accounted for. Skip
    connections, norms and pools stop a prediction; it starts anew behind them. The model is left as it was.

    Raises:
        ModelError: the forward raised.

    Example:
        >>> net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256))
        >>> rows = signals(net, torch.randn(8, 64))
        >>> [row.where for row in rows], rows[0].reason
        (['0', '2'], 'the first layer')
    """
    with transaction(model, inputs=inputs):
        keeper = _Keeper()
        traced = trace(model, inputs, observer=keeper)
        batch = next((t.shape[0] for _, t in named_tensors(inputs) if t.ndim), 1)
        found = [n for n in traced.graph.nodes if n.index in keeper.kept]
        values = [keeper.kept[n.index] for n in found]
        target = random_cotangent(traced.output_tensors)
        asked = [v for v in values if v.requires_grad]
        gradients: dict[int, torch.Tensor | None] = {}
        if target is not None and asked:
            made = torch.autograd.grad(target, asked, allow_unused=True)
            gradients = {id(v): g for v, g in zip(asked, made, strict=True)}
        weights = {canonical(name): p.detach() for name, p in unwrap(model)[0].named_parameters(remove_duplicate=False)}
        sizes = {n.index: _square_sum(gradients.get(id(v))) for n, v in zip(found, values, strict=True)}
        measured = {n.index: (_second_moment(v), _cosine(v, batch)) for n, v in zip(found, values, strict=True)}
    return _rows(traced.graph, found, measured, sizes, weights)


@dataclass
class _Keeper:
    """An observer that keeps what affine ops with a weight produce."""

    kept: dict[int, torch.Tensor] = field(default_factory=dict)

    def produced(self, node: Node, tensor: torch.Tensor, call: Call) -> None:
        """Keep it, before anything writes to it; gradients arrive at the copy that goes on."""
        if node.kind == "affine" and tensor.is_floating_point() and any(u.role == "weight" and u.fans is not None for u in node.uses):
            self.kept[node.index] = tensor

    def consumed(self, index: int, tensor: torch.Tensor) -> None:
        """Not asked for."""


def _rows(
    graph: SignalGraph, found: list[Node], measured: dict[int, tuple[float, float | None]], sizes: dict[int, float | None], weights: dict[str, torch.Tensor]
) -> tuple[Signal, ...]:
    rows: list[Signal] = []
    expected: dict[int, tuple[float, float | None]] = {}
    for position, node in enumerate(found):
        weight_variance, bias_variance = _variances(node, weights)
        q, c = measured[node.index]
        before, phi, reason = _before(graph, node, expected) if position else (None, None, "the first layer")
        if before is not None and not math.isfinite(weight_variance):
            before, reason = None, "its weight is computed from others"
        chi = _ratio(sizes.get(before), sizes.get(node.index)) if before is not None else None
        if before is None or phi is None:
            expected[node.index] = q, c
            rows.append(Signal(node.where, weight_variance, bias_variance, q, c, chi, reason=reason))
            continue
        q_was, c_was = expected[before]
        q_next = weight_variance * gaussian.second_moment(phi, q_was) + bias_variance
        c_next = None
        if c_was is not None and q_next > 0.0:
            c_next = (weight_variance * gaussian.covariance(phi, q_was, max(min(c_was, 1.0), -1.0)) + bias_variance) / q_next
        expected[node.index] = q_next, c_next
        chi_1 = weight_variance * gaussian.slope_moment(phi, q_was)
        rows.append(Signal(node.where, weight_variance, bias_variance, q, c, chi, q_next, c_next, chi_1))
    return tuple(rows)


def _before(graph: SignalGraph, node: Node, known: dict[int, tuple[float, float | None]]) -> tuple[int | None, Activation | None, str]:
    """The affine op before this one, and the φ between them; None and a reason where anything else stands there."""
    phi: Activation | None = None
    at = graph.nodes[node.inputs[0]] if node.inputs else None
    while at is not None and at.index not in known:
        if at.kind == "activation" and phi is None:
            phi = activation_of(at)
            if phi is None:
                return None, None, f"`{at.op}` is no elementwise function that theory knows"
        elif not (at.kind in ("view", "cast") or (at.kind == "dropout" and not at.options.get("training"))):
            return None, None, f"behind `{at.op}`"
        at = graph.nodes[at.inputs[0]] if len(at.inputs) == 1 else None
    if at is None:
        return None, None, "the first layer"
    return at.index, phi or activations.get("identity"), ""


def _variances(node: Node, weights: dict[str, torch.Tensor]) -> tuple[float, float]:
    weight = next(u for u in node.uses if u.role == "weight" and u.fans is not None)
    biases = [u for u in node.uses if u.role == "bias" and not u.derived]
    bias = float(weights[biases[0].parameters[0]].double().square().mean()) if biases else 0.0
    if weight.derived or weight.fans is None:
        return math.nan, bias
    return weight.fans.fan_in * float(weights[weight.parameters[0]].double().square().mean()), bias


def _second_moment(z: torch.Tensor) -> float:
    return float(z.detach().double().square().mean())


def _cosine(z: torch.Tensor, batch: int) -> float | None:
    if z.ndim < 2 or z.shape[0] != batch or batch < 2:
        return None
    rows = z.detach()[:MOST_SAMPLES].flatten(1).double()
    unit = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-300)
    count = len(unit)
    return (float(unit.sum(0).square().sum()) - float(unit.square().sum())) / (count * (count - 1))


def _square_sum(gradient: torch.Tensor | None) -> float | None:
    return None if gradient is None else float(gradient.double().square().sum())


def _ratio(earlier: float | None, later: float | None) -> float | None:
    return None if earlier is None or not later else earlier / later
