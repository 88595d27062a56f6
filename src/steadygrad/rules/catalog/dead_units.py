"""A102: rectifier units that are off for every sample."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.ops.activation import RECTIFIERS
from steadygrad.graph.signal_graph import Node
from steadygrad.graph.waists import waists
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class DeadUnits(Rule):
    """A rectifier unit whose output is zero for every sample of the batch gets no gradient and cannot come back.

    Counted per unit over the whole batch, not as a share of zeros: half of all ReLU outputs are zero in a healthy
    network. At initialization a unit's sign may be shared by all samples (deep layers see samples alike), so up to
    half of the units may be off by symmetry; beyond three quarters something pushes them. A layer with *all* units
    off outputs a constant, and everything before it has a gradient of exactly zero. That is an error on the way that all
    signals take, however it came about. In a branch or a gate of n units it is one where something pushed them, or where the chance
    that samples alike are off together, 2⁻ⁿ, is below a thousandth over all rectifiers of the network.

    Units that are given exactly 0 are not off, only not reached yet, where a weight before them will move. Where none
    does – a zero embedding or layer before a rectifier, whose slope at 0 is 0 – they are locked there for good.

    Source: Lu et al. 2019, arXiv:1903.06733 (dying ReLU); Maas et al. 2013.
    """

    code = "A102"
    slug = "dead-units"
    title = "rectifier units that are off for every sample"
    priority = 52
    explains = (
        "vanishing-gradient", "no-gradient", "output-constant", "correlation-collapse", "signal-drift", "lr-too-low", "layer-out-of-line",
        "loss-at-start", "head-activation", "bias-only",
    )  # fmt: skip
    thresholds = {
        "share": Threshold(0.75, "at most half of the units are off by symmetry; +0.25 is 5σ of a binomial at 100 units"),
        "samples": Threshold(8, "fewer samples say nothing about a unit"),
        "chance": Threshold(1e-3, "that some layer of the network is off as a whole by its signs alone"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First layer with too many dead units first."""
        rectifiers = [node for node in evidence.graph.nodes if node.op in RECTIFIERS]
        for node in rectifiers:
            reading = evidence.signals.get(node.index)
            if reading is None or reading.units is None:
                continue
            units, dead = reading.units.units, len(reading.units.dead)
            if reading.units.size < self.threshold("samples") or dead <= self.threshold("share") * units:
                continue
            whole = dead == units
            locked = whole and _fed_a_constant(evidence, node)
            if locked and not _nothing_moves(evidence, node):
                continue  # these units are not off; nothing reaches them, and L108 says from where on
            if locked:
                yield self._locked(node, units)
                return
            blocks = whole and node.index in evidence.graph.feeds_weights
            chance = blocks and len(rectifiers) * 2.0**-units >= self.threshold("chance") and _aside(evidence, node)
            yield self.finding(
                "error" if blocks and not chance else "warning",
                node.where,
                f"{'All' if whole else f'{dead} of'} {units} units of this {node.op} are off for every sample{_says(whole, chance, units)}.",
                evidence={"dead": dead, "units": units, "entries_per_unit": reading.units.size},
                advice="Look at what feeds it: a large negative bias, inputs of one sign with weights of the other, or a step that overshot. "
                "Re-initialize the layer before it (He normal, zero bias); a leaky slope keeps units recoverable.",
                snippet="torch.nn.init.kaiming_normal_(layer.weight); torch.nn.init.zeros_(layer.bias)",
                node=node.index,
            )

    def _locked(self, node: Node, units: int) -> Finding:
        return self.finding(
            "warning",
            node.where,
            f"All {units} units of this {node.op} are given exactly 0, where its slope is 0: no weight before it gets a gradient, and none will.",
            evidence={"units": units, "locked": True},
            advice="Draw the weights that make the zeros (small ones will do), or take an activation with a slope at 0.",
            snippet="torch.nn.init.normal_(layer.weight, std=0.01)",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Negative bias; negative weights on positive inputs (the chapters' "negative initialization"); a zero embedding."""
        yield Specimen("gate on an embedding that begins at zero", lambda: classification(_Gated(nn.ReLU())), where="act")
        yield Specimen("bias of −20 before a ReLU", lambda: _biased(-20.0), where="1")
        yield Specimen("negative weights on positive inputs", _negative, where="1")
        yield Specimen("bias of −20 before a ReLU in place", lambda: _biased(-20.0, in_place=True), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Deep He network, where samples look alike and half of the units are off."""
        yield Specimen("40 ReLU layers, He", lambda: classification(mlp(16, *[64] * 40, 4)))
        yield Specimen("gate on a zero embedding, with a slope at zero", lambda: classification(_Gated(nn.Tanh())))
        yield Specimen("squeeze and excitation of a branch that begins at zero, in place", lambda: classification(_Excited()))


def _fed_a_constant(evidence: Evidence, node: Node) -> bool:
    """Whether what the op is given is zero for every sample already."""
    before = evidence.signals.get(node.inputs[0]) if node.inputs else None
    return before is not None and before.moments.absmax == 0.0


def _aside(evidence: Evidence, node: Node) -> bool:
    """Whether signals have another way, and what the op is given lies no further on one side than signs alone may put it.

    Of normal numbers of one sign the mean is 1.3 standard deviations; of a bias or a constant sign it is many.
    """
    before = evidence.signals.get(node.inputs[0]) if node.inputs else None
    pushed = before is not None and before.moments.mean**2 > 16.0 * before.moments.variance
    return not pushed and node.index not in waists(evidence.graph)


def _says(whole: bool, chance: bool, units: int) -> str:
    if chance:
        return f": this gate or branch passes nothing. Where samples are alike so few units are off together with a chance of 1 in {2**units}"
    return ": nothing passes, forward or backward" if whole else ": they get no gradient"


def _nothing_moves(evidence: Evidence, node: Node) -> bool:
    """Whether weights make the zeros and none before the node gets a gradient, though the node's own output gets one."""
    graph, wanted = evidence.graph, evidence.gradients.get(node.index)
    before = graph.ancestors(node.index)
    zeros = {i for i in before if i in evidence.signals and evidence.signals[i].moments.absmax == 0.0}
    makers = [graph.nodes[i] for i in zeros if zeros.isdisjoint(graph.nodes[i].inputs)]
    names = {n for i in before for use in graph.nodes[i].uses for n in use.parameters if graph.parameters[n].requires_grad}
    if wanted is None or wanted.moments.absmax == 0.0 or not names or not makers or not all(maker.uses for maker in makers):
        return False
    found = [evidence.parameters[name].gradient for name in names]
    return all(g is None or g.moments.absmax == 0.0 for g in found)


def _biased(bias: float, *, in_place: bool = False) -> Case:
    net = mlp(16, 64, 64, 4)
    net[0].bias.data.fill_(bias)
    net[1].inplace = in_place
    return classification(net)


class _Gated(nn.Module):
    """Hidden units times a gate that reads a code of the sample's kind; the codes begin at zero."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.codes, self.gate, self.act = nn.Embedding(4, 8), mlp(8, 64)[0], act
        nn.init.zeros_(self.codes.weight)
        nn.init.zeros_(self.gate.bias)
        self.first, self.last = mlp(16, 64), mlp(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kind = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
        return self.last(torch.tanh(self.first(x)) * torch.softmax(self.act(self.gate(self.codes(kind))), 1) * 64)


class _Excited(nn.Module):
    """x + W₂·φ(W₁x) times a gate that reads it, W₂ = 0: nothing is off, and nothing has reached the gate yet."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.branch, self.last = mlp(16, 64), mlp(64, 64, 64), mlp(64, 4)
        self.gate = nn.Sequential(mlp(64, 16), nn.ReLU(inplace=True), mlp(16, 64), nn.Sigmoid())
        nn.init.zeros_(self.branch[-1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        y = self.branch(x)
        return self.last(x + y * self.gate(y))


def _negative() -> Case:
    net = mlp(16, 64, 64, 4)
    with torch.no_grad():
        net[0].weight.copy_(-net[0].weight.abs())
    return classification(net, inputs=batch(64, 16).abs())
