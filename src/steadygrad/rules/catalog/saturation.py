"""A101: activations driven to where their slope is gone."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp, regression
from steadygrad.rules.stopped_gradient import only_behind_moves, stopped
from steadygrad.rules.weights import share_of_used

BOUNDED = ("clamp", "clamp_max", "fake_quantize_per_tensor_affine")


class Saturation(Rule):
    """Most of a layer's activations sit where |φ′| is below 1 % of its maximum, so no gradient passes through them.

    For tanh that is |x| > 2.99, for a sigmoid |x| > 5.99. The gradient of everything before the layer shrinks by the
    share that is left: a layer 99.9 % saturated passes a thousandth. It is nearly always a consequence: of weights or
    inputs that are too large, or of a bias. The chapters' example: w = 6.74, z = 14.15 gives σ′(z) = 7.2e-7.

    A clamp is a hard tanh. It counts where nothing it is given lies between its bounds, so that a gradient arrives and none
    goes on: an error where more than half of the trainable entries are held so and only what lies behind the clamp moves.

    Gates (sigmoids that multiply another signal) are meant to open and close; they are not counted.

    Source: Glorot & Bengio 2010, section 3; the course page "Model Initialization", case 2.1.
    """

    code = "A101"
    slug = "saturation"
    title = "activations where the slope is gone"
    priority = 50
    explains = (
        "vanishing-gradient",
        "correlation-collapse",
        "lr-too-low",
        "output-constant",
        "signal-drift",
        "no-gradient",
        "subnormal",
        "layer-out-of-line",
        "lr-too-high",
        "exploding-gradient",
        "sharpness",
    )
    thresholds = {
        "share": Threshold(0.5, "half of the entries pass less than 1 % of the largest slope"),
        "blocked": Threshold(0.999, "less than a thousandth of the entries pass anything: the layer below cannot learn"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First saturated layer first."""
        for node in evidence.graph.nodes:
            reading = evidence.signals.get(node.index)
            if node.kind != "activation" or reading is None or reading.units is None or _is_gate(evidence, node):
                continue
            units = reading.units
            share = float(units.outside.sum()) / max(units.size * units.units, 1)
            if share > self.threshold("share"):
                yield self._finding(evidence, node, share)
        yield from self._bounded(evidence)

    def _finding(self, evidence: Evidence, node: Node, share: float) -> Finding:
        blocked = share >= self.threshold("blocked")
        before = evidence.graph.upstream(node.index)
        reading = evidence.signals.get(before.index) if before is not None else None
        rms = reading.moments.rms if reading is not None else None
        size = f" (inputs of rms {rms:.3g})" if rms is not None and not node.in_place else ""
        return self.finding(
            "error" if blocked else "warning",
            node.where,
            f"{share:.1%} of the {node.op} outputs are saturated{size}: hardly any gradient passes this layer.",
            evidence={"saturated_share": share, "input_rms": rms, "activation": node.op},
            advice="Bring what feeds this activation to unit scale: smaller weights before it, standardized inputs, or a normalization layer.",
            node=node.index,
        )

    def _bounded(self, evidence: Evidence) -> Iterator[Finding]:
        held = {name: stops for name, stops in stopped(evidence).items() if all(_has_bounds(evidence.graph.nodes[i]) for i in stops)}
        if not held:
            return
        places, share = frozenset().union(*held.values()), share_of_used(evidence, held)
        most = share > self.threshold("share")
        if evidence.conditions.cotangent and not most:
            return  # without a loss nobody knows what else trains them
        node, first = evidence.graph.nodes[max(places)], next(iter(held))
        yield self.finding(
            "error" if most and only_behind_moves(evidence, places) else "warning",
            node.where,
            f"`{node.op}`{_bounds(node)} in `{node.where or 'the model'}` is given nothing but numbers outside its bounds: a gradient of rms "
            f"{evidence.gradients[node.index].moments.rms:.1e} arrives and exactly 0 goes on to {len(held)} parameters "
            f"({share:.0%} of the trainable entries used), `{first}` first.",
            evidence={"saturated_share": 1.0, "activation": node.op, "parameters": list(held)[:50], "count": len(held), "share": share},
            advice="Bring what it is given between the bounds (scale, bias), move the bounds, or take a soft bound such as tanh.",
            node=node.index,
            parameter=first,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Large biases and bounds in other units; everything else is right."""
        yield Specimen("tanh layer pushed to one side by its bias", lambda: _biased(nn.Tanh, 8.0), where="1")
        yield Specimen("sigmoid layer pushed to one side by its bias", lambda: _biased(nn.Sigmoid, 14.0), where="1")
        yield Specimen("a clamp to bounds in other units", lambda: classification(_Clamped(40.0)), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Xavier tanh; a clamp some numbers lie in; sigmoid output of a binary classifier."""
        yield Specimen("tanh, Xavier", lambda: classification(mlp(16, 64, 64, 4, activation=nn.Tanh)))
        yield Specimen("a clamp that many numbers lie outside of", lambda: classification(_Clamped(2.0)))
        yield Specimen("sigmoid head on targets in [0, 1]", _head)


def _is_gate(evidence: Evidence, node: Node) -> bool:
    """Whether the activation's value multiplies another signal."""
    readers = evidence.graph.consumers()[node.index]
    return any(evidence.graph.nodes[r].kind == "join" and evidence.graph.nodes[r].op in ("mul", "lerp", "addcmul") for r in readers)


def _has_bounds(node: Node) -> bool:
    if node.where == "loss":  # a margin that all samples keep, a probability that is sure: the loss is met, or others say why
        return False
    return node.op in BOUNDED or (node.op in ("maximum", "minimum") and node.kind == "pointwise")


def _bounds(node: Node) -> str:
    low, high = (node.options.get(name) for name in ("min_val", "max_val"))
    ends = [f"{text} {value:.3g}" for text, value in (("from", low), ("to", high)) if isinstance(value, float)]
    return " " + " ".join(ends) if ends else ""


class _Clamped(nn.Module):
    def __init__(self, offset: float) -> None:
        super().__init__()
        self.first, self.last, self.offset = mlp(16, 64, 64), mlp(64, 32, 4), offset

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last((self.first(x) + self.offset).clamp(-1.0, 1.0))


def _biased(activation: type[nn.Module], bias: float) -> Case:
    net = mlp(16, 64, 64, 4, activation=activation)
    net[0].bias.data.fill_(bias)
    return classification(net)


def _head() -> Case:
    net = nn.Sequential(*mlp(16, 64, 1), nn.Sigmoid())
    return regression(net, targets=batch(64, 1, seed=2).sigmoid())
