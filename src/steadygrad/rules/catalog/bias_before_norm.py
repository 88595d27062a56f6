"""B102: a bias that the normalization after it takes away again."""

from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node, ParameterUse
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import classification, mlp


class BiasBeforeNorm(Rule):
    """The bias of a layer whose only reader normalizes each channel by itself.

    (x + b) − mean(x + b) = x − mean(x): the output does not depend on b, its gradient is zero up to rounding, and weight
    decay is all that moves it. Harmless, but a parameter (and an addition) that does nothing; the normalization brings
    its own bias. A note.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2 ("b can be ignored").
    """

    code = "B102"
    slug = "bias-before-norm"
    title = "a bias that normalization takes away"
    priority = 74

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One note that lists them all."""
        found = []
        for node in evidence.graph.nodes:
            bias = next((u for u in node.uses if u.role == "bias" and not u.derived and len(u.shape) == 1), None)
            norm = _per_channel_reader(evidence, node) if bias is not None and node.kind == "affine" else None
            axis = node.unit_axis if norm is not None and norm.inputs[0] == node.index else 1  # views between: sizes must do
            if norm is not None and bias is not None and axis == 1 and norm.outputs[0].shape[1] == bias.shape[0]:
                found.append((node, bias, norm))
        if found:
            yield self._finding(found)

    def _finding(self, found: list[tuple[Node, ParameterUse, Node]]) -> Finding:
        node, _, norm = found[0]
        names = [use.parameters[0] for _, use, _ in found]
        entries = sum(use.shape[0] for _, use, _ in found)
        return self.finding(
            "note",
            node.where,
            f"{len(found)} bias{'es' * (len(found) > 1)} ({entries:,} entries, `{names[0]}` first) stand right before {norm.op}, which subtracts them again.",
            evidence={"parameters": names[:50], "count": len(found), "entries": entries},
            advice="Build these layers with bias=False; the normalization has a bias of its own.",
            snippet="torch.nn.Conv2d(..., bias=False)  # or Linear(..., bias=False)",
            node=node.index,
            parameter=names[0],
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Linear with a bias, then batch norm."""
        yield Specimen("Linear with a bias before BatchNorm1d", lambda: _normed(bias=True), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same without the bias; tokens as channels, whose statistics do not contain a feature's bias."""
        yield Specimen("Linear without a bias before BatchNorm1d", lambda: _normed(bias=False))
        yield Specimen("Linear over features, BatchNorm1d over as many tokens", _tokens)


def _per_channel_reader(evidence: Evidence, node: Node) -> Node | None:
    """The normalization by channel that alone reads `node`, through views; None when anything else reads it."""
    readers = evidence.graph.consumers()
    current = node
    while len(readers[current.index]) == 1 and current.index not in evidence.graph.outputs:
        current = evidence.graph.nodes[readers[current.index][0]]
        if current.kind in ("view", "cast"):
            continue
        # frozen statistics do not contain this batch's bias
        moving = current.op == "batch_norm" and current.options.get("training")
        single = current.op == "group_norm" and len(current.outputs[0].shape) > 1 and current.options.get("groups") == current.outputs[0].shape[1]
        return current if (moving or single or current.op == "instance_norm") and len(current.outputs[0].shape) > 1 else None
    return None


def _normed(*, bias: bool) -> Case:
    net = mlp(16, 32, 4)
    if not bias:
        net[0].register_parameter("bias", None)
    return classification(nn.Sequential(net[0], nn.BatchNorm1d(32), *net[1:]))


def _tokens() -> Case:
    net = mlp(16, 32, 4)
    return classification(nn.Sequential(nn.Unflatten(1, (4, 4)), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Flatten(), *net))
