"""I102: weights whose variance is off, and whose error multiplies through depth."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.neighbours import constant_factor, preceding_activation
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.scales import gain_range
from steadygrad.rules.specimens import classification, mlp, regression
from steadygrad.rules.weights import Weighted, source_of_chain, weighted

OVERSHOT = ("loss-at-start", "lr-too-high", "saturation", "sharpness")
"""What weights too large by a small factor can be the cause of."""


class Link(NamedTuple):
    """One layer of a chain: ln of its factor, the layer before, ln of the product so far, and the op that began the chain."""

    item: Weighted
    log: float
    before: "Link | None"
    total: float
    start: int

    def culprit(self) -> Weighted:
        """The first layer that is off by at least half as much, in ln, as the one that is off by most.

        Where one standard deviation was used for layers of different fan-in, the first of them that is off twofold.
        """
        chain: list[Link] = []
        link: Link | None = self
        while link is not None:
            chain.insert(0, link)
            link = link.before
        off = [math.copysign(link.log, link.log * self.total) for link in chain]
        found = next(i for i, log in enumerate(off) if log >= 0.5 * max(off))
        alike = (i for i in range(found) if off[i] > math.log(2.0) and _drawn_alike(chain[i].item, chain[found].item))
        return chain[next(alike, found)].item


def _drawn_alike(one: Weighted, other: Weighted) -> bool:
    """The same standard deviation within five times what it scatters (1/√(2n) of itself for n normal draws)."""
    first, second = one.reading.value.moments, other.reading.value.moments
    return abs(math.log(first.std / second.std)) < 5.0 * math.sqrt(0.5 / first.count + 0.5 / second.count)


class WeightScale(Rule):
    """The weights' variance is not what this use needs, and the factor multiplies layer by layer.

    A signal keeps its second moment when  Var[w] · fan_in · E[φ(z)²] = 1  for the activation φ *before* the weight;
    its gradient does when  Var[w] · fan_in · E[φ′(z)²] = 1. Any gain between the two (and the critical 1/φ′(0) of a
    smooth φ, and Xavier's 1) counts as right. What a layer lies outside of that range is its factor; along layers with
    nothing between them that resets the scale (normalization, residual sums, attention) the factors multiply.

    A gate whose bias outweighs its small weights starts open or closed on purpose, and counts as right.

    One layer off by a little is harmless and common (torch's default `nn.Linear` is 0.41 of He's); thirty are not.
    Magnitude alone is a warning; it becomes the error when a dead signal or gradient follows from it. A factor of four,
    or weights of one sign whose mean alone multiplies a positive signal by eight (fan_in·|mean|), says nothing yet; it
    is named as the cause when a first loss, a step or an activation is out of range and nothing surer explains that.

    Named is the first layer that is off by at least half as much, in logarithms, as the worst of its chain; where that
    layer has the standard deviation of an earlier one, which is off twofold as well, one law was used for both, and the
    earlier is named.

    Source: Glorot & Bengio 2010, eq. 5–12; He et al. 2015, arXiv:1502.01852, eq. 10 and 14.
    """

    code = "I102"
    slug = "weight-scale"
    title = "weights too small or too large for their use"
    priority = 32
    explains = (
        "vanishing-gradient", "exploding-gradient", "saturation", "dead-units", "signal-drift", "correlation-collapse", "chaos",
        "output-constant", "loss-at-start", "nonfinite-forward", "nonfinite-backward", "lr-too-high", "layer-out-of-line",
        "half-range", "attention-logits", "attenuating-activation", "lr-too-low", "train-eval-gap", "sharpness", "epsilon", "subnormal",
    )  # fmt: skip
    thresholds = {
        "factor": Threshold(100.0, "accumulated factor in rms: two orders of magnitude between first and last layer"),
        "suspect": Threshold(4.0, "accumulated factor that can be the cause of something else: logits of rms 4 where 1 is usual"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding per chain of layers, naming the chain's culprit and how far its factor has grown at the end."""
        links: dict[int, Link] = {}
        worst: dict[int, Link] = {}
        for item in weighted(evidence):
            factor = layer_factor(evidence, item)
            if factor is None:
                continue
            source = source_of_chain(evidence, item.node)
            before = links.get(source.index) if source is not None else None
            if before is not None and abs(before.total) < math.log(1.05):
                before = None  # nothing was off so far: here is where it may start
            if factor < 1.0 and bias_sets_gate(evidence, item):
                factor = 1.0
            if item.node.index not in evidence.graph.feeds_weights and factor < 1.0:
                factor = 1.0  # a small last layer is a choice: it only makes the first outputs small
            link = Link(item, math.log(factor), before, (before.total if before else 0.0) + math.log(factor), before.start if before else item.node.index)
            links[item.node.index] = link
            if link.start not in worst or abs(link.total) > abs(worst[link.start].total):
                worst[link.start] = link
        for link in worst.values():
            if abs(link.total) > math.log(self.threshold("factor")):
                yield self._finding(evidence, link.culprit(), link.item, link.total)
            elif link.total > math.log(self.threshold("suspect")):
                yield replace(self._finding(evidence, link.culprit(), link.item, link.total), suspicion=True, explains=OVERSHOT)
        yield from self._of_one_sign(evidence)

    def _of_one_sign(self, evidence: Evidence) -> Iterator[Finding]:
        """Weights whose mean carries more than their spread; a suspicion, at the first of them."""
        for item in weighted(evidence):
            fan_in = item.use.fans.fan_in if item.use.fans else 1.0
            moments = item.reading.value.moments
            grows = abs(moments.mean) * fan_in
            if moments.std > 0.0 and grows > 2.0 * self.threshold("suspect") and grows > 2.0 * moments.std * math.sqrt(fan_in):
                message = (
                    f"Nearly all weights of `{item.name}` have one sign: their mean of {moments.mean:.3g} over {fan_in:.0f} inputs multiplies"
                    f" what those have in common by {grows:.3g}, while std {moments.std:.3g} carries their differences."
                )
                yield self.finding(
                    "warning", item.node.where, message,
                    evidence={"mean": moments.mean, "std": moments.std, "fan_in": fan_in, "mean_gain": grows},
                    advice="Draw weights around zero. " + _advice(preceding_or_next(evidence, item.node)),
                    snippet=_snippet(preceding_or_next(evidence, item.node)),
                    node=item.node.index, parameter=item.name, suspicion=True, explains=(*OVERSHOT, "output-constant", "correlation-collapse", "dead-units"),
                )  # fmt: skip
                return

    def _finding(self, evidence: Evidence, first: Weighted, last: Weighted, total: float) -> Finding:
        low, high = gain_range(preceding_activation(evidence.graph, first.node.index))
        fan_in = first.use.fans.fan_in if first.use.fans else 1.0
        std, expected = first.reading.value.moments.std, (low if total < 0 else high) / math.sqrt(fan_in)
        small = total < 0
        return self.finding(
            "warning",
            first.node.where,
            f"Weights start too {'small' if small else 'large'}: std of `{first.name}` is {std:.3g} where {expected:.3g} keeps the signal"
            f" ({std / expected:.2g}×); by `{last.node.where or last.name}` the factors multiply to {_power(total)}.",
            evidence={
                "std": std, "expected_std": expected, "ratio": std / expected, "fan_in": fan_in,
                **({"accumulated": math.exp(total)} if abs(total) < 700.0 else {"accumulated_log10": round(total / math.log(10.0))}), "until": last.node.where,
            },
            advice=_advice(preceding_or_next(evidence, first.node)),
            snippet=_snippet(preceding_or_next(evidence, first.node)),
            node=first.node.index,
            parameter=first.name,
        )  # fmt: skip

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Deep plain networks with weights far off."""
        yield Specimen("20 sigmoid layers, N(0, 0.01²)", lambda: _scaled(nn.Sigmoid, 20, 0.01), where="0")
        yield Specimen("50 ReLU layers, half of He's std", lambda: _scaled(nn.ReLU, 50, 0.5 * (2 / 16) ** 0.5), where="0")
        yield Specimen("ReLU layers of growing width, all N(0, 0.5²)", _one_law, where="0")
        yield Specimen("20 tanh layers, N(0, 2²)", lambda: _scaled(nn.Tanh, 20, 2.0), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same depth at the right scale; one small layer; torch's default in a shallow net."""
        yield Specimen("30 ReLU layers, He", lambda: classification(mlp(16, *[64] * 30, 4)))
        yield Specimen("20 tanh layers, Xavier", lambda: classification(mlp(16, *[64] * 20, 4, activation=nn.Tanh)))
        yield Specimen("a gate with weights of 1e-4 and a bias of 1", _open_gate)
        yield Specimen("SIREN, whose frequency 30 is a part of the weights' scale", _siren)


def _power(log: float) -> str:
    """exp(log) in figures, as a power of ten where no float holds it."""
    return f"{math.exp(log):.1e}" if abs(log) < 700.0 else f"10^{log / math.log(10.0):.0f}"


def layer_factor(evidence: Evidence, item: Weighted) -> float | None:
    """std/expected, 1 inside the range of right gains; None for zero or constant weights, which other rules judge."""
    std = item.reading.value.moments.std
    if not std > 0.0 or item.use.fans is None or item.node.op.startswith(("lstm", "gru", "rnn")):
        return None
    low, high = gain_range(preceding_activation(evidence.graph, item.node.index))
    gain = std * math.sqrt(item.use.fans.fan_in)
    gains = gain, gain * constant_factor(evidence.graph, item.node.index)  # a number behind the weight may excuse its scale, never accuse it
    return min((g / low if g < low else g / high if g > high else 1.0 for g in gains), key=lambda factor: abs(math.log(factor)))


def bias_sets_gate(evidence: Evidence, item: Weighted) -> bool:
    """Whether the result becomes a factor of another signal, and the layer's bias is larger than what its weights make of inputs of size 1."""
    biases = [evidence.parameters[use.parameters[0]].value.moments.rms for use in item.node.uses if use.role == "bias"]
    if item.use.fans is None or max(biases, default=0.0) <= item.reading.value.moments.std * math.sqrt(item.use.fans.fan_in):
        return False
    readers, nodes, at = evidence.graph.consumers(), evidence.graph.nodes, item.node.index
    while len(readers[at]) == 1 and nodes[readers[at][0]].kind in ("activation", "view", "cast", "pointwise"):
        at = readers[at][0]
    return any(nodes[r].kind == "join" and nodes[r].op == "mul" for r in readers[at])


def preceding_or_next(evidence: Evidence, node: Node) -> str:
    """The activation the advice should talk about: the one this layer feeds, else the one before it."""
    from steadygrad.graph.neighbours import next_activation

    found = next_activation(evidence.graph, node.index) or preceding_activation(evidence.graph, node.index)
    return found.op if found is not None else "linear"


def _advice(activation: str) -> str:
    if activation in ("sigmoid", "hardsigmoid"):
        return "Re-initialize with Xavier at gain 4 (= 1/φ′(0)) and bias −½·Σⱼ wᵢⱼ, the first layer at gain 2 and bias 0: sigmoid layers then act like tanh layers. Or use tanh."
    if activation in ("relu", "leaky_relu", "prelu", "gelu", "silu", "elu", "relu6"):
        return "Re-initialize with He (Kaiming) normal, fan_in: Var[w] = 2/fan_in."
    return "Re-initialize with Xavier (Glorot): Var[w] = 2/(fan_in + fan_out)."


def _snippet(activation: str) -> str:
    loop = "for m in model.modules():\n    if isinstance(m, torch.nn.Linear | torch.nn.Conv2d):\n        "
    if activation in ("relu", "leaky_relu", "prelu", "gelu", "silu", "elu", "relu6"):
        return loop + "torch.nn.init.kaiming_normal_(m.weight, nonlinearity='relu')"
    if activation in ("sigmoid", "hardsigmoid"):  # σ(z) = ½ + ½·tanh(z/2): behind inputs 2·V, behind a sigmoid 4·V and the ½ taken off
        return (
            "kinds = torch.nn.Linear | torch.nn.Conv2d\nlayers = [m for m in model.modules() if isinstance(m, kinds)]\n"
            "for i, m in enumerate(layers):\n    torch.nn.init.xavier_normal_(m.weight, gain=4 if i else 2)\n    m.bias.data = -0.5 * m.weight.data.flatten(1).sum(1) * (i > 0)"
        )
    return loop + "torch.nn.init.xavier_normal_(m.weight)"


def _scaled(activation: type[nn.Module], depth: int, std: float) -> Case:
    net = mlp(16, *[16] * depth, 4, activation=activation)
    for layer in net:
        if isinstance(layer, nn.Linear):
            layer.weight.data.mul_(std / layer.weight.data.std())
    return classification(net)


def _one_law() -> Case:
    """Factors 2, 4, 8, 16: the first is off by less than half, in ln, of the last."""
    net = mlp(16, 128, 512, 2048, 4)
    for layer in net:
        if isinstance(layer, nn.Linear):
            layer.weight.data.mul_(0.52 / layer.weight.data.std())
    return classification(net)


class _Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(30.0 * x)


class _Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.value, self.head = nn.Linear(16, 64), nn.Linear(16, 64), nn.Linear(64, 4)
        nn.init.normal_(self.gate.weight, std=1e-4, generator=torch.Generator().manual_seed(0))
        nn.init.ones_(self.gate.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.nn.functional.silu(self.gate(x)) * self.value(x))


def _open_gate() -> Case:
    torch.manual_seed(0)
    return classification(_Gate())


def _siren() -> Case:
    net = mlp(2, *[64] * 4, 1, activation=_Sine)
    for i, layer in enumerate(layer for layer in net if isinstance(layer, nn.Linear)):
        bound = 0.5 if i == 0 else math.sqrt(6.0 / 64.0) / 30.0
        nn.init.uniform_(layer.weight, -bound, bound, generator=torch.Generator().manual_seed(i))
    return regression(net, torch.rand(64, 2, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0)
