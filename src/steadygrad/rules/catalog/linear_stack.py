"""S101: layers with no nonlinearity between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp

LINEAR_KINDS = {"view", "cast", "dropout", "scale", "shift", "affine"}
LINEAR_POINTWISE = {"mul", "div", "add", "sub", "rsub", "neg", "negative"}
LINEAR_JOINS = {"add", "sub", "cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"}
AVERAGES = {"mean", "sum", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"}


@dataclass(frozen=True)
class Pair:
    """Two weighted layers of which the first is read by the second alone, with nothing but linear ops, or max-pools, between."""

    first: Node
    second: Node
    pooled: bool = False


class LinearStack(Rule):
    """Weighted layers follow each other without anything nonlinear between.

    W₂(W₁x + b₁) + b₂ is one affine map: depth adds parameters and ill-conditioning, and nothing that one layer could not
    express. Low-rank pairs (a narrow layer between wide ones), grouped and depthwise convolutions, and layers that
    something else reads too are deliberate and not counted; nor are pairs across normalization, attention or products,
    which are nonlinear. So is max-pooling, max(w·x₁, …, w·x_k): layers with nothing else between them are no single map,
    but all they can do is choose among positions; said as a note, where nothing else in the model is nonlinear. Batch normalization
    is one map per channel, a·x + b, with a and b of the batch in training and fixed in evaluation: a model with nothing else
    is, once trained, one affine map.

    A warning when the whole model is one linear map, or when at least two pairs, and half of all its layers that
    follow one another, are such; a note for a single pair. It trains: it is only the wrong model.

    Source: Goodfellow et al. 2016, 6.1 (linear layers compose to a linear layer); Saxe et al. 2014, arXiv:1312.6120.
    """

    code = "S101"
    slug = "linear-stack"
    title = "layers with no nonlinearity between them"
    priority = 27
    explains = ()
    thresholds = {
        "pairs": Threshold(2, "one pair is often a projection before the head; two are a habit"),
        "share": Threshold(0.5, "of the layers that follow another layer"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first layer that lacks an activation after it."""
        graph = evidence.graph
        layers = [n for n in graph.nodes if _is_layer(n)]
        if len(layers) < 2 or any(n.kind == "opaque" for n in graph.nodes):
            return
        found = list(linear_pairs(graph))
        pairs = [p for p in found if not p.pooled]
        if pairs and _is_linear(graph, layers):
            yield self._finding("warning", pairs, f"Nothing in the model is nonlinear: its {len(layers)} layers are together one linear map")
            return
        share = len(pairs) / (len(layers) - 1)
        if len(pairs) >= self.threshold("pairs") and share >= self.threshold("share"):
            yield self._finding("warning", pairs, f"{len(pairs)} layers follow another with nothing nonlinear between, `{_name(pairs[0].first)}` first")
        elif pairs:
            yield self._finding("note", pairs, f"`{_name(pairs[0].first)}` and `{_name(pairs[0].second)}` have nothing nonlinear between them")
        elif found and _is_linear(graph, layers, but=_max_pools):
            yield self._pooled(found)
        elif normed := self._between_norms(graph, layers):
            yield self._finding(
                "warning",
                normed,
                f"Nothing in the model is nonlinear but batch norms, which are fixed in evaluation: its {len(layers)} layers are then one affine map",
            )

    def _between_norms(self, graph: SignalGraph, layers: list[Node]) -> list[Pair]:
        """Pairs of layers with batch norms and linear ops between, where there is nothing else in the whole model."""
        return list(linear_pairs(graph, _batch_norms)) if _is_linear(graph, layers, but=_batch_norms) else []

    def _pooled(self, pairs: list[Pair]) -> Finding:
        first = pairs[0].first
        return self.finding(
            "note",
            first.where,
            f"Max-pooling is the only nonlinearity: {len(pairs)} pairs of layers have nothing else between them, `{_name(first)}` first.",
            evidence={"pairs": [[_name(p.first), _name(p.second)] for p in pairs[:20]], "count": len(pairs)},
            advice="It is one, but a weak one: put an activation before or after each pool.",
            node=first.index,
        )

    def _finding(self, severity: Severity, pairs: list[Pair], message: str) -> Finding:
        first = pairs[0].first
        return self.finding(
            severity,
            first.where,
            f"{message}; such layers act as one.",
            evidence={"pairs": [[_name(p.first), _name(p.second)] for p in pairs[:20]], "count": len(pairs)},
            advice="Put an activation after each hidden layer, or leave the extra layer out.",
            snippet=f"torch.nn.Sequential(…, {_name(first)}, torch.nn.ReLU(), …)" if first.where else "x = torch.relu(x)",
            node=first.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A perceptron without activations; one with most of them forgotten; convolutions."""
        yield Specimen("three linear layers", lambda: classification(mlp(16, 32, 32, 4, activation=nn.Identity)), where="0")
        yield Specimen("leaky slopes of 1", lambda: classification(mlp(16, 32, 32, 4, activation=lambda: nn.LeakyReLU(1.0))), where="0")
        yield Specimen("one ReLU in five layers", _mostly, where="0")
        yield Specimen("convolutions without activations", _convolutions, where="0")
        yield Specimen("convolutions with max-pooling alone", _max_pooled, where="0")
        yield Specimen("convolutions with batch norms alone", lambda: _normed(nn.Identity), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """ReLU between layers; one linear layer; a low-rank pair; a depthwise-separable convolution."""
        yield Specimen("ReLU between layers", lambda: classification(mlp(16, 32, 32, 4)))
        yield Specimen("one linear layer", lambda: classification(mlp(16, 4)))
        yield Specimen("one linear layer behind a batch norm", lambda: classification(nn.Sequential(nn.BatchNorm1d(16), nn.Linear(16, 4))))
        yield Specimen("batch norm and ReLU", lambda: _normed(nn.ReLU))
        yield Specimen(
            "low-rank pairs",
            lambda: classification(
                nn.Sequential(*mlp(16, 4, 32, activation=nn.Identity), nn.ReLU(), *mlp(32, 4, 32, activation=nn.Identity), nn.ReLU(), *mlp(32, 4))
            ),
        )
        yield Specimen("depthwise-separable convolutions", _separable)


def linear_pairs(graph: SignalGraph, but: Callable[[Node], bool] | None = None) -> Iterator[Pair]:
    """Adjacent layers that a single layer could replace, in execution order; with what `but` allows between them too."""
    readers = graph.consumers()
    for second in graph.nodes:
        if not _is_layer(second) or not second.inputs:
            continue
        current = graph.nodes[second.inputs[0]]
        lonely, pooled = len(readers[current.index]) == 1, False
        while (
            current.inputs
            and not _is_layer(current)
            and (_keeps_linear(current) or _max_pools(current) or (but is not None and but(current)))
            and len(current.inputs) == 1
        ):
            pooled = pooled or _max_pools(current)
            current = graph.nodes[current.inputs[0]]
            lonely = lonely and len(readers[current.index]) == 1
        if _is_layer(current) and lonely and _replaceable(current, second):
            yield Pair(current, second, pooled)


def _is_layer(node: Node) -> bool:
    return node.kind == "affine" and not node.op.startswith(("lstm", "gru", "rnn")) and any(u.role == "weight" and u.fans is not None for u in node.uses)


def _keeps_linear(node: Node) -> bool:
    """Whether the op is linear (or affine) in what it reads."""
    if node.kind == "join":
        return node.op in LINEAR_JOINS
    if node.kind == "pool":
        return node.op in AVERAGES
    if node.op == "leaky_relu":
        return node.options.get("negative_slope") == 1.0
    return node.kind in LINEAR_KINDS or (node.kind == "pointwise" and node.op in LINEAR_POINTWISE)


def _max_pools(node: Node) -> bool:
    return node.kind == "pool" and "max_pool" in node.op


def _batch_norms(node: Node) -> bool:
    return node.kind == "norm" and node.op == "batch_norm"


def _replaceable(first: Node, second: Node) -> bool:
    """Whether merging the two into one layer would lose no structure: neither grouped, no bottleneck between."""
    widths = []
    for node in (first, second):
        use = next(u for u in node.uses if u.role == "weight" and u.fans is not None)
        if node.options.get("groups", 1) != 1 or use.derived or use.unit_axis is None or len(use.shape) < 2:
            return False
        other = 1 if use.unit_axis == 0 else 0
        widths.append((use.shape[other], use.shape[use.unit_axis]))
    (before, between), (_, after) = widths
    return between >= min(before, after)


def _is_linear(graph: SignalGraph, layers: list[Node], but: Callable[[Node], bool] | None = None) -> bool:
    """Whether everything from the first to the last layer is linear, aside from what `but` allows; what follows the last one is the head's."""
    between = set(range(layers[0].index, layers[-1].index + 1)) & (graph.ancestors(layers[-1].index) | {layers[-1].index})
    return all(_keeps_linear(graph.nodes[i]) or (but is not None and but(graph.nodes[i])) for i in between)


def _name(node: Node) -> str:
    return node.where or node.op


def _mostly() -> Case:
    return classification(nn.Sequential(*mlp(16, 32, 32, 32, activation=nn.Identity), nn.ReLU(), *mlp(32, 32, 4, activation=nn.Identity)))


def _convolutions() -> Case:
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(32, 4))
    return classification(net, batch(64, 1, 8, 8))


def _max_pooled() -> Case:
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(8, 4))
    return classification(net, batch(64, 1, 8, 8))


def _normed(activation: type[nn.Module]) -> Case:
    blocks = [layer for a, b in ((1, 8), (8, 8)) for layer in (nn.Conv2d(a, b, 3, bias=False), nn.BatchNorm2d(b), activation(), nn.AvgPool2d(2))]
    return classification(nn.Sequential(*blocks, nn.Flatten(), nn.Linear(32, 4)), batch(64, 1, 14, 14))


def _separable() -> Case:
    def separable(channels: int) -> list[nn.Module]:
        return [nn.Conv2d(channels, channels, 3, groups=channels), nn.Conv2d(channels, 16, 1), nn.ReLU()]

    net = nn.Sequential(*separable(4), *separable(16), nn.Flatten(), nn.Linear(16 * 16, 4))
    return classification(net, batch(64, 4, 8, 8))
