"""G105: an op whose slope is 0 where a gradient arrives."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import Apply, classification, mlp
from steadygrad.rules.stopped_gradient import only_behind_moves, stopped
from steadygrad.rules.weights import anything_moves, share_of_used

FLAT = ("round", "floor", "ceil", "trunc", "sign", "sgn", "bernoulli")
WHY = {
    "flat": "has slope 0 everywhere",
    "chosen": "never picks this side",
    "zeros": "multiplies by exactly 0",
}
ADVICE = {
    "flat": "Pass the gradient through as if the op were not there (straight-through), or soften the step while training.",
    "chosen": "Look at the mask: a condition that is never met, a sentinel, a threshold in other units.",
    "zeros": "Remove the factor, or let it be a parameter, which a gradient can wake.",
}
SNIPPET = {"flat": "y = x + (y - x).detach()  # straight-through: y = {op}(x) forward, slope 1 backward"}


class ZeroGradient(Rule):
    """A gradient arrives at an op and exactly zero goes on, so that the parameters before it never move.

    Autograd has no slope for a step and returns zeros, not None: `round`, `floor`, `sign` and drawing at random are flat
    wherever they are differentiable, a `where` passes nothing to the side its mask never picks, and a factor of 0 nothing
    at all. The loss falls all the same where later layers train.

    Going back from the loss, the first op with a gradient behind it and exact zeros before it is the place. An op without
    such a mechanism is none: a weight or gate that begins at zero gets a gradient itself, and wakes; rectifiers that are
    off are A102's, saturated activations and bounds A101's. Experts, rows and branches that this batch did not choose may be chosen
    by the next: a mask counts only where it holds back more than half of the trainable entries and nothing moves but what
    lies behind it, a factor of 0 where it is written in the model as a number and holds back as much.

    Error where more than half of the trainable entries stay put by a flat op.

    Source: Bengio, Léonard & Courville 2013, arXiv:1308.3432 (hard steps, the straight-through estimator); the chain rule.
    """

    code = "G105"
    slug = "zero-gradient"
    title = "an op that turns the gradient into exact zeros"
    priority = 23
    explains = (
        "no-gradient", "vanishing-gradient", "output-constant", "lr-too-low", "linear-stack", "dead-units", "layer-out-of-line", "loss-at-start",
        "correlation-collapse",
    )  # fmt: skip
    thresholds = {"share": Threshold(0.5, "more than half of the trainable entries that the forward used, as for missing gradients (G103)")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding per mechanism, at the op nearest to the loss."""
        held: dict[str, dict[str, frozenset[int]]] = {}
        for name, stops in stopped(evidence).items():
            ways = {_mechanism(evidence, evidence.graph.nodes[i]) for i in stops}
            if len(ways) == 1 and "" not in ways:
                held.setdefault(ways.pop(), {})[name] = stops
        for way, names in held.items():
            share = share_of_used(evidence, names)
            severity = self._severity(evidence, way, names, share)
            if severity is not None:
                yield self._finding(evidence, way, names, share, severity)

    def _severity(self, evidence: Evidence, way: str, names: Mapping[str, frozenset[int]], share: float) -> Severity | None:
        most = share > self.threshold("share")
        if way == "flat":  # without a loss nobody knows what else trains a small part
            return "error" if most else "note" if evidence.conditions.cotangent else "warning"
        alone = way == "zeros" or only_behind_moves(evidence, frozenset().union(*names.values()))
        return "warning" if most and alone and anything_moves(evidence) else None  # where nothing moves, L108 says from where on

    def _finding(self, evidence: Evidence, way: str, names: Mapping[str, frozenset[int]], share: float, severity: Severity) -> Finding:
        places = frozenset().union(*names.values())
        node, first = evidence.graph.nodes[max(places)], next(iter(names))
        arriving = evidence.gradients[node.index].moments.rms
        here = f"in `{node.where}`" if node.where else "in the model"
        more = f" So do {len(places) - 1} more such ops." if len(places) > 1 else ""
        return self.finding(
            severity,
            node.where,
            f"`{node.op}` {here} {WHY[way]}: a gradient of rms {arriving:.1e} arrives there and exactly 0 goes on, so "
            f"{len(names)} parameter{'s' * (len(names) > 1)} ({share:.0%} of the trainable entries used) cannot move, `{first}` first.{more}",
            evidence={
                "op": node.op,
                "mechanism": way,
                "arriving_rms": arriving,
                "parameters": list(names)[:50],
                "count": len(names),
                "share": share,
                "places": len(places),
            },
            advice=ADVICE[way],
            snippet=SNIPPET.get(way, "").format(op=node.op),
            node=node.index,
            parameter=first,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Steps between two halves, in the loss and beside the path; a mask that is never true; a factor of 0."""
        yield Specimen("round between two halves", lambda: _between(torch.round), where="2")
        yield Specimen("sign in place", lambda: _between(lambda x: (x * 1.0).sign_()), where="2")
        yield Specimen("rounded before the loss", _rounded, where="loss")
        yield Specimen("a mask that is never true", lambda: _between(lambda x: torch.where(x > 99.0, x, torch.arange(64) / 64.0)), where="2")
        yield Specimen("most of the weights on a branch times 0", lambda: classification(_Beside(lambda x: x * 0.0, 256)), where="")
        yield Specimen("a hard step on a branch", lambda: classification(_Beside(torch.sign)), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Steps around which a gradient passes; what another batch may choose."""
        yield Specimen("straight-through rounding", lambda: _between(lambda x: x + (x.round() - x).detach()))
        yield Specimen("what is left after the floor", lambda: _between(lambda x: x - x.floor()))
        yield Specimen("a branch that this batch masks", lambda: classification(_Beside(lambda x: x * torch.zeros(len(x), 1))))
        yield Specimen("a gate that begins at zero", lambda: classification(_Beside(_Gate())))


def _mechanism(evidence: Evidence, node: Node) -> str:
    """How `node` stops a gradient for good; empty where it is not known to."""
    if node.op in FLAT or node.options.get("rounding_mode"):
        return "flat"
    if node.where == "loss":  # its terms are switched on later, its masks and margins are the data's
        return ""
    if node.op in ("where", "masked_fill") or (node.op in ("maximum", "minimum") and node.kind == "join"):
        return "chosen"
    made = evidence.signals.get(node.index)
    if node.op != "mul" or made is None or made.moments.absmax > 0.0:
        return ""
    if node.options.get("number") == 0.0:
        return "zeros"
    return "chosen" if any(_is_mask(evidence.graph, i) for i in node.inputs) else ""


def _is_mask(graph: SignalGraph, index: int) -> bool:
    """Whether the numbers were a condition, true or false, before they were cast."""
    node: Node | None = graph.nodes[index]
    while node is not None and not any(out.dtype == "bool" for out in node.outputs):
        node = graph.nodes[node.inputs[0]] if node.kind in ("view", "cast") and node.inputs else None
    return node is not None


class _Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gain


class _Beside(nn.Module):
    """Hidden units, and beside them as many others on which `step` is taken."""

    def __init__(self, step: Callable[[torch.Tensor], torch.Tensor], *hidden: int) -> None:
        super().__init__()
        self.first, self.beside, self.last, self.step = mlp(16, 64), mlp(16, *hidden, 64, seed=5), mlp(64, 64, 4), step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(x) + self.step(self.beside(x))))


def _between(function: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    first, second = mlp(16, 64, 64), mlp(64, 64, 4, activation=nn.Tanh, seed=7)
    return classification(nn.Sequential(first, nn.ReLU(), Apply(function), second))


def _rounded() -> Case:
    case = classification(mlp(16, 64, 4))
    return Case(case.model, case.inputs, case.targets, lambda z, y: nn.functional.cross_entropy(z.round(), y))
