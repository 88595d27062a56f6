"""L108: outputs that do not depend on the sample."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import call_of, loss_ancestry
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class OutputConstant(Rule):
    """The model answers the same for every sample, and no gradient would change that.

    Softmax over an axis of one entry is exp(z)/exp(z) = 1 with derivative p(1 − p) = 0: an output of 1 for ever, and a
    gradient of exactly zero for everything before it. More generally: all samples differ, all outputs are equal, and
    every weight that mixes features has a gradient of zero, so that training can only move the last bias.

    Equal outputs alone are no fault: a last layer that starts at zero gives them on purpose, and its weights get a
    gradient in the first step.

    Source: Goodfellow et al. 2016, 6.2.2.3 (softmax units); torch.nn.Softmax.
    """

    code = "L108"
    slug = "output-constant"
    title = "outputs that do not depend on the sample"
    priority = 20
    anywhere = True
    explains = (
        "vanishing-gradient", "no-gradient", "loss-at-start", "correlation-collapse", "lr-too-low", "softmax-axis", "attenuating-activation",
        "unstable-log", "classes-as-regression",
    )  # fmt: skip
    thresholds = {
        "samples": Threshold(4, "fewer samples may agree by chance"),
        "spread": Threshold(1e-6, "deviation over magnitude of each output: 8 units in the last place of float32"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """A softmax over one entry first; then outputs as a whole."""
        ancestry = loss_ancestry(evidence) or set(evidence.graph.outputs) | {
            i for output in evidence.graph.outputs for i in evidence.graph.ancestors(output)
        }
        alone = [n for n in evidence.graph.nodes if n.kind == "softmax" and n.options.get("size") == 1 and n.index in ancestry]
        for node in alone:
            if node.index in evidence.graph.outputs or self._reads_nothing_else(evidence, node):
                yield self._single(evidence, node)
                return
        yield from self._constant(evidence)

    def _reads_nothing_else(self, evidence: Evidence, node: Node) -> bool:
        """Whether what the softmax makes is the prediction: nothing learnable comes after it."""
        return node.index not in evidence.graph.feeds_weights and node.where != "loss" and not any(
            reader.kind in ("join", "attention", "contract") for reader in evidence.graph.nodes if node.index in reader.inputs and reader.where != "loss"
        )  # fmt: skip

    def _single(self, evidence: Evidence, node: Node) -> Finding:
        value = 0.0 if node.op == "log_softmax" else 1.0
        return self.finding(
            "error",
            node.where,
            f"{node.op} over an axis of one entry is {value:g} for every sample, and its gradient is exactly zero.",
            evidence={"op": node.op, "size": 1, "dim": node.options.get("dim")},
            advice="One output per sample means yes or no: use a sigmoid (or none, with binary_cross_entropy_with_logits); for C classes give the last layer C outputs.",
            snippet=f"{call_of(node.where)} = torch.nn.Sigmoid()" if node.where not in ("", "loss") else "outputs = logits.sigmoid()",
            node=node.index,
        )

    def _constant(self, evidence: Evidence) -> Iterator[Finding]:
        n = evidence.conditions.batch_size or 0
        probed = evidence.experiments.get("batch", {})
        same = any(f.name in probed and probed[f.name].identical for f in evidence.inputs)
        if n < self.threshold("samples") or same or not evidence.outputs or not self._all_constant(evidence, n) or _anything_moves(evidence):
            return
        last = evidence.graph.nodes[evidence.graph.outputs[0]] if evidence.graph.outputs else None
        yield self.finding(
            "error",
            last.where if last is not None else "",
            f"The model gives the same output for all {n} samples although they differ, and no weight has a gradient that would change it.",
            evidence={"samples": n, "outputs": list(evidence.outputs)},
            advice="Look for the first layer whose outputs no longer differ between samples: dead or saturated units, zero weights, or an operation that drops the input.",
            node=last.index if last is not None else None,
        )

    def _all_constant(self, evidence: Evidence, n: int) -> bool:
        """Whether every output with a batch axis has (nearly) one value per unit."""
        shapes = [s.shape for i in evidence.graph.outputs for s in evidence.graph.nodes[i].outputs]
        if not shapes or any(not s or s[0] != n for s in shapes):
            return False
        for reading in evidence.outputs.values():
            units = reading.units
            if units is None or reading.moments.nonfinite or units.size < self.threshold("samples"):
                return False
            spread = units.variance**0.5
            if not bool((units.constant | (spread <= self.threshold("spread") * units.absmax)).all()):
                return False
        return True

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Softmax on a single output; a network cut from its input by dead units."""
        yield Specimen("softmax on one output", _single_softmax, where="3")
        yield Specimen("softmax on one output under squared error", lambda: _single_softmax(nn.functional.mse_loss), where="3")
        yield Specimen("outputs that forget the input", lambda: classification(_Forgets()), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A last layer that starts at zero; attention over a single position."""
        yield Specimen("last layer at zero", _zero_head)
        yield Specimen("attention over one position", lambda: classification(_Attend(), batch(64, 1, 16)))


def _anything_moves(evidence: Evidence) -> bool:
    """Whether a weight with fans gets a gradient that is not zero, relative to float32's smallest differences."""
    for node in evidence.graph.nodes:
        for use in node.uses:
            if use.role in ("weight", "recurrent", "table"):
                for name in use.parameters:
                    gradient = evidence.parameters[name].gradient
                    if gradient is not None and gradient.moments.absmax > 0.0:
                        return True
    return False


class _Forgets(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(16, 32, 4)
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x):
        return 0.0 * self.net(x) + self.bias


class _Attend(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.score, self.head = mlp(16, 1), mlp(16, 4)

    def forward(self, x):
        return self.head((self.score(x).softmax(1) * x).sum(1))


def _single_softmax(loss=nn.functional.binary_cross_entropy) -> Case:
    targets = (batch(64, 1, seed=2) > 0).float()
    return Case(nn.Sequential(*mlp(16, 32, 1), nn.Softmax(1)), batch(64, 16), targets, loss)


def _zero_head() -> Case:
    net = mlp(16, 32, 4)
    nn.init.zeros_(net[2].weight)
    return classification(net)
