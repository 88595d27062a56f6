"""A111: a softmax over the one score that a layer makes."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.catalog.softmax_axis import output_softmaxes
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import call_of, maker
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp


class SingleScore(Rule):
    """Every position is given one score, and the softmax runs over that score by itself instead of over the positions.

    exp(z)/exp(z) = 1: every position is weighed alike, whatever was computed, and the gradient of what scores them is
    exactly zero for good. Attention pools by `scores.softmax(dim=1)` over (samples, positions, 1); `dim=2` and `dim=-1` mean
    the axis of length one.

    Asked where the axis is the units of the layer before, so that it is as long as that layer has outputs, and another axis
    of the sample is longer. A softmax over positions of which there happens to be one does no harm. Outputs of the model
    are L114's.

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, equation 6 (weights add up to 1 over positions).
    """

    code = "A111"
    slug = "single-score"
    title = "softmax over a single score"
    priority = 22
    explains = ("no-gradient", "zero-gradient", "vanishing-gradient", "attenuating-activation", "symmetric-units", "linear-stack", "lr-too-low")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each softmax once."""
        made = {node.index for node in output_softmaxes(evidence)}
        for node in evidence.graph.nodes:
            if node.kind == "softmax" and node.options.get("size") == 1 and node.index not in made and node.inputs:
                before = maker(evidence.graph, node.inputs[0], ("view", "cast", "dropout", "pointwise", "activation"))
                longer = _longer_axis(node)
                if before.kind == "affine" and longer is not None and _over_units(node, before):
                    yield self._finding(node, before, longer)

    def _finding(self, node: Node, before: Node, longer: int) -> Finding:
        shape, dim = node.outputs[0].shape, node.options["dim"]
        return self.finding(
            "warning",
            node.where,
            f"{node.op} runs over axis {dim} of {shape}, the only score that `{before.where}` gives a position: every weight is 1, and"
            f" `{before.where}` gets no gradient.",
            evidence={"dim": dim, "shape": shape, "scores": before.where, "positions": shape[longer]},
            advice=f"Normalize over the {shape[longer]} positions, axis {longer}.",
            snippet=f"{call_of(node.where)} = torch.nn.Softmax(dim={longer})" if node.where else f"weights = scores.softmax(dim={longer})",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Attention pools whose softmax takes the last axis, by module and by function."""
        yield Specimen("attention pool, softmax over the last axis", lambda: classification(_Pool(-1), batch(64, 12, 16)), where="")
        yield Specimen("the same behind a tanh", lambda: classification(_Pool(2, bounded=True), batch(64, 12, 16)), where="")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Over positions, of which there may be one; two heads that share a position's attention."""
        yield Specimen("softmax over positions", lambda: classification(_Pool(1), batch(64, 12, 16)))
        yield Specimen("softmax over one position", lambda: classification(_Pool(1), batch(64, 1, 16)))
        yield Specimen("two scores compete at each position", lambda: classification(_Pool(-1, heads=2), batch(64, 12, 16)))


def _longer_axis(node: Node) -> int | None:
    """The longest axis but that of the samples; None where all are of length one."""
    shape = node.outputs[0].shape
    axis = max(range(1, len(shape)), key=lambda a: shape[a], default=None)
    return axis if axis is not None and shape[axis] > 1 else None


def _over_units(node: Node, before: Node) -> bool:
    """Whether the softmax runs over the units of the layer before, which nothing moved to another axis."""
    shape, dim = node.outputs[0].shape, node.options.get("dim")
    return isinstance(dim, int) and before.unit_axis is not None and before.outputs[0].shape == shape and dim % len(shape) == before.unit_axis % len(shape)


class _Pool(nn.Module):
    """A weighted mean over positions."""

    def __init__(self, dim: int, heads: int = 1, bounded: bool = False) -> None:
        super().__init__()
        self.embed, self.score, self.head, self.dim, self.bounded = mlp(16, 32), mlp(32, heads, seed=3), mlp(32, 4, seed=5), dim, bounded

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.embed(x))
        scores = self.score(hidden)
        weights = (scores.tanh() if self.bounded else scores).softmax(self.dim)
        return self.head((weights[..., :1] * hidden).sum(1))
