"""S107: a body frozen at the weights it was drawn with."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence, ParameterReading
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp
from steadygrad.rules.weights import Weighted, weighted


class FrozenAtRandom(Rule):
    """Most weights have `requires_grad=False` and are as an initializer draws them: nothing learned is in them.

    A body is frozen because of what it has learned. Where its weights cannot be told from a fresh draw, the pretrained ones
    were never loaded (`pretrained=False`, a `load_state_dict(strict=False)` whose names did not match, a re-initialization
    after loading) or should train. What trains behind it fits random features of the inputs.

    A weight counts as drawn when neither its distribution (Kolmogorov–Smirnov) nor its second moment refutes, at a level of
    0.001 each, torch's default U(±1/√fan_in), He's, Glorot's and LeCun's laws or N(0, 0.02²), and its layer's bias is
    constant or drawn, too. Training moves weights beyond the bounds of a uniform law at once, widens a normal one and moves
    the scales of norms: one frozen scale that is not constant is a sign that something was learned.

    A warning, for random features are also chosen on purpose: reservoirs, extreme learning machines. Those have one layer;
    this rule asks for two or more, with most of the model's entries, before weights that train. A critic or a perceptual
    loss behind what trains, and a random network beside it, are not reported.

    Source: Massey 1951, "The Kolmogorov–Smirnov test for goodness of fit"; He et al. 2015, arXiv:1502.01852 and Glorot &
    Bengio 2010 for the laws; Huang et al. 2006, "Extreme learning machine", for one random layer on purpose.
    """

    code = "S107"
    slug = "frozen-at-random"
    title = "a body frozen at random weights"
    priority = 25
    explains = ("frozen-among-trainable", "lr-too-low", "linear-stack")
    thresholds = {
        "share": Threshold(0.5, "more than half of the weights' entries: then what was drawn decides more than what trains"),
        "layers": Threshold(2, "one layer of random features is a method of its own"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first such weight."""
        drawn = [item for item in _frozen_before_trained(evidence) if _is_drawn(evidence, item)]
        if len({item.node.index for item in drawn}) < self.threshold("layers") or _scales_learned(evidence):
            return
        parameters = evidence.graph.parameters
        weights = {item.name for item in weighted(evidence)}
        names = list(dict.fromkeys(item.name for item in drawn))
        share = sum(parameters[name].numel for name in names) / sum(parameters[name].numel for name in weights)
        if share <= self.threshold("share"):
            return
        laws = sorted({item.reading.fresh for item in drawn})
        yield self.finding(
            "warning",
            drawn[0].node.where,
            f"{len(names)} of {len(weights)} weights ({share:.0%} of their entries), from `{names[0]}` on, have requires_grad=False and cannot be told "
            f"from a fresh draw ({', '.join(laws)}; level 0.001): nothing learned is in them, and only what is behind them trains.",
            evidence={"parameters": names[:50], "count": len(names), "weights": len(weights), "share": share, "laws": laws},
            advice="Load the trained weights before freezing, and look at what load_state_dict says is missing; or let them train.",
            snippet="for p in model.parameters():\n    p.requires_grad_(True)",
            node=drawn[0].node.index,
            parameter=names[0],
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Everything but the head frozen as it was drawn: torch's defaults, He's, and beneath norms."""
        yield Specimen("body of torch's default weights", lambda: classification(_body(_default())), where="0")
        yield Specimen("body of He's weights", lambda: classification(_body(mlp(16, 64, 64, 4))), where="0")
        yield Specimen("body with norms", lambda: classification(_body(_normed())), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A body that learned, if little; one layer of random features; a critic behind what trains."""
        yield Specimen("body that took three small steps", lambda: _trained(_default()))
        yield Specimen("norms that took three small steps", lambda: _trained(_normed(), "weight"))
        yield Specimen("one layer of random features", lambda: classification(_body(mlp(16, 256, 4))))
        yield Specimen("a frozen critic", lambda: classification(nn.Sequential(mlp(16, 16), nn.ReLU(), mlp(16, 64, 64, 4).requires_grad_(False))))


def _frozen_before_trained(evidence: Evidence) -> list[Weighted]:
    """Frozen weights from which a weight that gets a gradient is reached; tables are none."""
    items = [item for item in weighted(evidence) if item.node.op != "embedding"]
    trained = {item.node.index for item in items if item.reading.gradient is not None}
    before = {i for index in trained for i in evidence.graph.ancestors(index)} if any(item.reading.fresh for item in items) else set()
    return [item for item in items if item.node.index in before and not evidence.graph.parameters[item.name].requires_grad]


def _is_drawn(evidence: Evidence, item: Weighted) -> bool:
    beside = (evidence.parameters[name] for use in item.node.uses if use.role == "bias" for name in use.parameters)
    return bool(item.reading.fresh) and all(_is_constant(bias) or bias.fresh for bias in beside)


def _is_constant(reading: ParameterReading) -> bool:
    moments = reading.value.moments
    return abs(abs(moments.mean) - moments.absmax) <= 1e-6 * moments.absmax  # a sum of equal numbers is rounded


def _scales_learned(evidence: Evidence) -> bool:
    """Whether a frozen scale of a norm has entries that differ."""
    scales = {name for node in evidence.graph.nodes if node.kind == "norm" for use in node.uses if use.role == "scale" for name in use.parameters}
    return any(not evidence.graph.parameters[n].requires_grad and not _is_constant(evidence.parameters[n]) for n in scales if n in evidence.parameters)


def _default() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))


def _normed() -> nn.Sequential:
    net = mlp(16, 64, 64, 4)
    return nn.Sequential(net[0], nn.LayerNorm(64), nn.ReLU(), net[2], nn.LayerNorm(64), nn.ReLU(), net[4])


def _body(net: nn.Sequential) -> nn.Sequential:
    """The net with all but its last layer frozen."""
    net[:-1].requires_grad_(False)
    return net


def _trained(net: nn.Sequential, chosen: str = "") -> Case:
    """The net after three steps of rate 0.1 on the batch it is asked about, then frozen."""
    case = classification(net)
    optimizer = torch.optim.SGD([p for name, p in net.named_parameters() if name.endswith(chosen)], 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        case.loss_fn(net(case.inputs), case.targets).backward()
        optimizer.step()
    optimizer.zero_grad()
    _body(net)
    return case
