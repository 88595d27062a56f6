"""L108: outputs that do not depend on the sample."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp
from steadygrad.rules.weights import anything_moves


class OutputConstant(Rule):
    """The model answers the same for every sample, and no gradient would change that.

    All samples differ, all outputs are equal, and every weight that mixes features has a gradient of zero, so that
    training can only move the last bias. A consequence of dead or saturated units, of zero weights, or of an op that
    drops the input; the cause itself when none of these is found.

    Equal outputs alone are no fault: a last layer that starts at zero gives them on purpose, and its weights get a
    gradient in the first step.

    Source: Goodfellow et al. 2016, 6.2 (gradient-based learning of output units).
    """

    code = "L108"
    slug = "output-constant"
    title = "outputs that do not depend on the sample"
    priority = 79
    anywhere = True
    explains = ("vanishing-gradient", "no-gradient", "loss-at-start", "lr-too-low", "bias-only")
    thresholds = {
        "samples": Threshold(4, "fewer samples may agree by chance"),
        "spread": Threshold(1e-6, "deviation over magnitude of each output: 8 units in the last place of float32"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, where all samples become alike, or at the model's first output."""
        n = evidence.conditions.batch_size or 0
        probed = evidence.experiments.get("batch", {})
        same = any(f.name in probed and probed[f.name].identical for f in evidence.inputs)
        if n < self.threshold("samples") or same or not evidence.outputs or not self._all_constant(evidence, n) or anything_moves(evidence):
            return
        last = _forgets(evidence) or (evidence.graph.nodes[evidence.graph.outputs[0]] if evidence.graph.outputs else None)
        here = f": `{last.op}` in `{last.where}` makes them alike" if last is not None and last.where else ""
        yield self.finding(
            "error",
            last.where if last is not None else "",
            f"The model gives the same output for all {n} samples although they differ{here}, and no weight has a gradient that would change it.",
            evidence={"samples": n, "outputs": list(evidence.outputs)},
            advice="Look for the first layer whose outputs no longer differ between samples: dead or saturated units, zero weights, or an operation that drops the input.",
            snippet="for name, module in model.named_modules():\n    module.register_forward_hook(lambda m, a, o, name=name: print(name, o.std(0).mean()))",
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
        """An output that forgets what it was given."""
        yield Specimen("outputs that forget the input", lambda: classification(_Forgets()), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A last layer that starts at zero; a batch of two."""
        yield Specimen("last layer at zero", _zero_head)
        yield Specimen("two samples", lambda: classification(mlp(16, 32, 4), batch(2, 16)))


def _forgets(evidence: Evidence) -> Node | None:
    """The first op on the way to the outputs that makes zeros for every sample out of something else."""
    graph = evidence.graph
    path = {i for end in graph.outputs for i in graph.ancestors(end)} | set(graph.outputs)
    for node in graph.nodes:
        reading, before = evidence.signals.get(node.index), [evidence.signals.get(i) for i in node.inputs]
        if node.index in path and reading is not None and reading.moments.absmax == 0.0 and any(b is not None and b.moments.absmax > 0.0 for b in before):
            return node
    return None


class _Forgets(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(16, 32, 4)
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.0 * self.net(x) + self.bias


def _zero_head() -> Case:
    net = mlp(16, 32, 4)
    nn.init.zeros_(net.get_parameter("2.weight"))
    return classification(net)
