"""I103: weights of zero in series, which wait for each other."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class ZeroWeights(Rule):
    """Every path from the inputs to the outputs crosses several weights that are all zero.

    One zero weight on a path is a fine start (a zero head, the zero end of a residual branch, LoRA's B): its own gradient
    is not zero. With k in series the output has no part of degree below k in them, so the loss cannot see the inputs, and
    the gradient of all but the last is exactly zero: a saddle of order k. Each step can wake at most one of them, by
    an amount of the order of the learning rate η, so that what reaches the first is of order η^(k−1). Two are a
    warning, three an error. Counted over the path that crosses fewest, so that a skip connection around a zero weight
    counts as none.

    Source: Zhao et al. 2022, arXiv:2110.12661, section 3 (what zeros prevent); the order of the saddle follows from the
    product of k factors.
    """

    code = "I103"
    slug = "zero-weights"
    title = "weights of zero in series"
    priority = 31
    explains = (
        "vanishing-gradient", "no-gradient", "output-constant", "signal-drift", "correlation-collapse", "lr-too-low", "dead-units",
        "layer-out-of-line", "epsilon",
    )  # fmt: skip
    thresholds = {
        "warning": Threshold(2, "zero weights in series from which on the first ones get no gradient at all"),
        "error": Threshold(3, "from which on waking takes steps whose effects multiply: η² and less"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first of them."""
        crossed = _crossed(evidence)
        outputs = evidence.graph.outputs
        fewest = min((crossed[i] for i in outputs), key=len, default=())
        if len(fewest) < self.threshold("warning"):
            return
        first = fewest[0]
        asleep = [n for n in fewest if _gradient_is_zero(evidence, n)]
        if not asleep:
            return
        name = first.uses[0].parameters[0]
        yield self.finding(
            "error" if len(fewest) >= self.threshold("error") else "warning",
            first.where,
            f"{len(fewest)} weights in series are all zero, from `{name}` to `{fewest[-1].uses[0].parameters[0]}`: the outputs do not depend on the inputs, "
            f"and the gradient of {len(asleep)} of them is exactly zero.",
            evidence={"in_series": len(fewest), "without_gradient": len(asleep), "last": fewest[-1].where},
            advice="Draw all but the last of them at random; one zero weight on a path is enough to start from a constant.",
            node=first.index,
            parameter=name,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """All weights zero, biases not; two zero layers at the end."""
        yield Specimen("eight tanh layers of zero weights and random biases", lambda: _zeroed(range(9)), where="0")
        yield Specimen("the last two layers zero", lambda: _zeroed((7, 8)), where="14")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A zero head; zero branches and a zero head; softmax regression from zeros."""
        yield Specimen("zero head", lambda: _zeroed((8,)))
        yield Specimen("residual branches with zero ends, and a zero head", _branches)


def _crossed(evidence: Evidence) -> dict[int, tuple[Node, ...]]:
    """Node index → the zero weights on the path from an input that crosses fewest."""
    found: dict[int, tuple[Node, ...]] = {}
    for node in evidence.graph.nodes:
        behind = min((found[i] for i in node.inputs), key=len, default=())
        found[node.index] = (*behind, node) if _is_zero(evidence, node) else behind
    return found


def _is_zero(evidence: Evidence, node: Node) -> bool:
    weights = [use for use in node.uses if use.role == "weight"]
    readings = [evidence.parameters.get(use.parameters[0]) for use in weights if len(use.parameters) == 1 and not use.derived]
    return node.kind == "affine" and bool(weights) and len(readings) == len(weights) and all(r is not None and r.value.moments.absmax == 0.0 for r in readings)


def _gradient_is_zero(evidence: Evidence, node: Node) -> bool:
    reading = evidence.parameters.get(node.uses[0].parameters[0])
    return reading is not None and reading.gradient is not None and reading.gradient.moments.absmax == 0.0


def _zeroed(layers) -> Case:
    net = mlp(16, *[32] * 8, 4, activation=nn.Tanh)
    generator = torch.Generator().manual_seed(3)
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.bias, -0.3, 0.3, generator=generator)
    for i in layers:
        nn.init.zeros_(net[2 * i].weight)
    return classification(net)


class _Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.head = nn.Linear(16, 32), nn.Linear(32, 4)
        self.ins = nn.ModuleList(nn.Linear(32, 32) for _ in range(4))
        self.outs = nn.ModuleList(nn.Linear(32, 32) for _ in range(4))
        for layer in (*self.outs, self.head):
            nn.init.zeros_(layer.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for inner, outer in zip(self.ins, self.outs, strict=True):
            x = x + outer(inner(x).relu())
        return self.head(x)


def _branches() -> Case:
    return classification(_Branches(), batch(64, 16))
