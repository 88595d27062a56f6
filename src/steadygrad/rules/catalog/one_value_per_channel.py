"""B101: a normalization over so few values that its output no longer depends on them."""

import math
from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class OneValuePerChannel(Rule):
    """A normalization averages over one or two values.

    With n values, x̂ = (x − mean)/√(var + ε) has n − 1 degrees of freedom. For n = 1, x equals its mean: x̂ = 0 whatever
    the input, the layer outputs its bias, and the gradient before it is exactly zero (root mean square normalization
    keeps the sign of x, and its gradient is zero up to ε). For n = 2, x̂ = ±1: one bit is left of each value.

    It happens to batch normalization after global pooling with a batch of two, to `GroupNorm` with as many groups as
    channels on vectors, and to `LayerNorm` over an axis of length one. An error when nothing passes and the loss has no
    other way to the inputs; otherwise a warning.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1; Wu & He 2018, arXiv:1803.08494, section 3.
    """

    code = "B101"
    slug = "one-value-per-channel"
    title = "normalization over one or two values"
    priority = 26
    explains = (
        "vanishing-gradient", "exploding-gradient", "no-gradient", "dead-units", "saturation", "signal-drift", "output-constant",
        "correlation-collapse", "loss-at-start", "lr-too-low", "lr-too-high", "layer-out-of-line", "train-eval-gap", "head-activation",
    )  # fmt: skip
    thresholds = {"values": Threshold(2, "n = 1 leaves 0, n = 2 leaves ±1; from n = 3 on magnitudes survive")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First such normalization first."""
        for node in evidence.graph.nodes:
            values = values_per_statistic(node) if node.kind == "norm" else None
            if values is None or not 1 <= values <= self.threshold("values"):
                continue
            # a batch size that nobody chose says nothing about training
            if node.op == "batch_norm" and evidence.conditions.generated_inputs:
                continue
            yield self._finding(evidence, node, values)

    def _finding(self, evidence: Evidence, node: Node, values: int) -> Finding:
        left = "the sign of it" if node.op == "rms_norm" else "its bias, whatever the input"
        effect = f"its output is {left}, and no gradient passes" if values == 1 else "each output is ±1 times its scale"
        whole = values == 1 and only_way(evidence, node.index)
        return self.finding(
            "error" if whole else "warning",
            node.where,
            f"{node.op} normalizes over {values} value{'s' * (values > 1)} (input {list(node.outputs[0].shape)}): {effect}.",
            evidence={"values": values, "op": node.op, "shape": list(node.outputs[0].shape), "only_way": whole},
            advice="Normalize over more values: a larger batch, fewer groups, the feature axis; or leave the normalization out here.",
            snippet="torch.nn.LayerNorm(features)  # or GroupNorm(groups, channels) with channels / groups >= 8",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """As many groups as channels; layer norm over one feature; batch norm on two samples."""
        yield Specimen("GroupNorm with one channel per group on vectors", lambda: _normed(nn.GroupNorm(32, 32)), where="1")
        yield Specimen("LayerNorm over an axis of length one", _one_feature, where="2")
        yield Specimen("batch norm on a batch of two", lambda: _normed(nn.BatchNorm1d(32), samples=2), where="1")
        yield Specimen("instance norm over two positions", _two_positions, where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same layers over enough values."""
        yield Specimen("GroupNorm with eight channels per group", lambda: _normed(nn.GroupNorm(4, 32)))
        yield Specimen("batch norm on 64 samples", lambda: _normed(nn.BatchNorm1d(32)))


def values_per_statistic(node: Node) -> int | None:
    """How many values one mean and variance of a normalization is taken over; None when they are not of this batch."""
    if node.op in ("batch_norm", "instance_norm"):
        return node.options.get("values_per_channel") if node.options.get("training") else None
    if node.op == "group_norm":
        return node.options.get("values_per_group")
    if node.op in ("layer_norm", "rms_norm"):
        return math.prod(int(n) for n in node.options.get("normalized_shape", ()))
    return None


def only_way(evidence: Evidence, index: int) -> bool:
    """Whether every weight that reaches the loss passes through node `index`, apart from those after it."""
    graph = evidence.graph
    ends = [graph.loss] if graph.loss is not None else list(graph.outputs)
    seen: set[int] = set()
    stack = [i for i in ends if i != index]
    while stack:
        current = stack.pop()
        if current not in seen:
            seen.add(current)
            stack.extend(i for i in graph.nodes[current].inputs if i != index)
    before = graph.ancestors(index)
    return bool(ends) and not any(i in seen and graph.nodes[i].uses for i in before) and any(graph.nodes[i].uses for i in before)


def _normed(norm: nn.Module, samples: int = 64) -> Case:
    net = mlp(16, 32, 4)
    return classification(nn.Sequential(net[0], norm, *net[1:]), inputs=batch(samples, 16))


def _one_feature() -> Case:
    net = mlp(16, 32, 1, 4)
    return classification(nn.Sequential(net[0], net[2], nn.LayerNorm(1), net[4]))


def _two_positions() -> Case:
    net = nn.Sequential(nn.Conv1d(8, 32, 1), nn.InstanceNorm1d(32), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))
    return classification(net, batch(64, 8, 2))
