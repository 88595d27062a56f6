"""N103: a finite forward pass with a gradient that is none."""

import math
from collections.abc import Iterator

import torch

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.catalog.nonfinite_forward import harmful, through
from steadygrad.rules.finding import Finding
from steadygrad.rules.nonfinite_origins import MOVING, operands
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import classification, mlp

SLOPES = {
    "sqrt": "√x has slope ∞ at 0",
    "norm": "‖x‖ has no slope at the zero vector",
    "vector_norm": "‖x‖ has no slope at the zero vector",
    "linalg_vector_norm": "‖x‖ has no slope at the zero vector",
    "std": "a standard deviation has slope ∞ where all values are equal",
    "pow": "xᵖ with p < 1 has slope ∞ at 0",
    "div": "a/b has slope −a/b², ∞ near b = 0",
    "log": "log x has slope ∞ at 0",
    "rsqrt": "1/√x has slope ∞ at 0",
    "reciprocal": "1/x has slope ∞ at 0",
    "acos": "arccos has slope ∞ at ±1",
    "asin": "arcsin has slope ∞ at ±1",
    "cdist": "a distance has no slope at 0",
}


class NonfiniteBackward(Rule):
    """Every value of the forward pass is finite, but a gradient is infinite or NaN.

    √x at 0, the norm of a zero vector, the deviation of a constant: the value is finite, the slope is not. Masking the
    result does not help: `where(x > 0, sqrt(x), 0)` sends the gradient 0 through the root, and 0 · ∞ = NaN. The operand
    must be made safe *before* the op. In fp16 a gradient above 65504 overflows.

    An error when it reaches a parameter (one step makes that NaN); when all parameters' gradients are finite, a note.

    Source: PyTorch's "Autograd mechanics" (gradients of non-differentiable functions); IEEE 754-2019, section 7.2.
    """

    code = "N103"
    slug = "nonfinite-backward"
    title = "a gradient is not finite although the forward is"
    priority = 83
    anywhere = True
    explains = ("lr-too-high", "vanishing-gradient")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the op whose derivative is not finite."""
        bad = [n for n, p in evidence.parameters.items() if p.gradient is not None and p.gradient.moments.nonfinite]
        index = evidence.first_nonfinite_gradient
        if index is None and not bad:
            return
        if evidence.first_nonfinite is not None and not harmful(evidence):
            return
        yield self._finding(evidence, index, bad)

    def _finding(self, evidence: Evidence, index: int | None, bad: list[str]) -> Finding:
        node = culprit(evidence, index) if index is not None else next((n for n, _ in evidence.graph.uses_of(bad[0])), None)
        where = node.where if node is not None else evidence.graph.parameters[bad[0]].module
        effect = f"{len(bad)} of {len(evidence.parameters)} parameters get it, `{bad[0]}` first" if bad else "all parameters' gradients are finite"
        return self.finding(
            "error" if bad else "note",
            where,
            f"The gradient stops being finite at {node.op if node is not None else where}{self._why(evidence, node, index)}: {effect}.",
            evidence={"op": node.op if node is not None else "", "parameters": bad[:50], "count": len(bad)},
            advice="Make the operand safe before the op, not its result after: add ε under the root or norm, or use where() on the input too.",
            snippet="safe = torch.where(x > 0, x, 1.0)\ny = torch.where(x > 0, safe.sqrt(), 0.0)",
            node=node.index if node is not None else None,
            parameter=bad[0] if bad else "",
        )

    def _why(self, evidence: Evidence, node: Node | None, index: int | None) -> str:
        if node is None or index is None:
            return ""
        gradient = evidence.gradients[index].moments
        slope = SLOPES.get(node.op)
        if slope is None:
            return f" ({gradient.nan:,} NaN, {gradient.posinf + gradient.neginf:,} infinite of {gradient.count:,})"
        zeros = max((m.zeros for m in operands(evidence, node)), default=0)
        masked = "; 0 · ∞ = NaN, masked or not" if gradient.nan else ""
        return f" ({slope}, {zeros:,} zero{'s' * (zeros != 1)} read{masked})"

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """The root of zeros; a root masked after the fact; the norm of a zero vector."""
        yield Specimen("root of a gated signal", lambda: through(_gated_root), where="1")
        yield Specimen("root masked with where()", lambda: through(lambda x: torch.where(x > 0.0, _gated_root(x), 0.0)), where="1")
        yield Specimen("norm of zero vectors by hand", lambda: through(_unit_length), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Made safe before the root; a rectifier before it, which passes nothing of the gradient where it is off."""
        yield Specimen("root with an epsilon under it", lambda: through(lambda x: (x.relu() + 1e-3).sqrt()))
        yield Specimen("root of a rectified signal", lambda: through(lambda x: x.relu().sqrt()))
        yield Specimen("non-finite gradient that no parameter gets", _unread)


def culprit(evidence: Evidence, index: int) -> Node:
    """The op whose backward made the gradient of node `index` non-finite: one that reads it, seen through views."""
    readers, graph = evidence.graph.consumers(), evidence.graph
    found, stack, seen = [], [index], set()
    while stack:
        for reader in readers[stack.pop()]:
            if reader not in seen and reader not in evidence.gradients and graph.nodes[reader].kind in MOVING:
                stack.append(reader)
            elif reader not in seen:
                found.append(graph.nodes[reader])
            seen.add(reader)
    singular = [n for n in found if n.op in SLOPES]
    return (singular or found or [graph.nodes[index]])[0]


def _gated_root(x: torch.Tensor) -> torch.Tensor:
    return (x.abs() * (x > 0.0)).sqrt()


def _unit_length(x: torch.Tensor) -> torch.Tensor:
    gated = x * (torch.arange(len(x)) > 0)[:, None]
    return gated / (gated.square().sum(1, keepdim=True).sqrt() + 1e-6)


def _unread() -> Case:
    """The infinite slope lies before the first weight: only the inputs get the gradient, and nobody trains those."""
    inputs = torch.randn(64, 16, generator=torch.Generator().manual_seed(1)).relu().requires_grad_(True)
    net = mlp(16, 32, 4)
    net.insert(0, _Root())
    return classification(net, inputs=inputs)


class _Root(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (math.pi * x).sqrt()
