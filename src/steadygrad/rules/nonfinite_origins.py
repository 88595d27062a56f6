"""Why an op made a number that is none: what it read, and what its function does there."""

import math
from typing import NamedTuple

from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Moments

LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38, "float64": 1.7976931348623157e308}
MOVING = {"view", "cast", "dropout"}
LOGS = {"log", "log2", "log10", "log1p", "xlogy", "logit"}
ROOTS = {"sqrt", "rsqrt", "pow", "float_power"}
QUOTIENTS = {"div", "reciprocal", "rsqrt", "pow", "cosine_similarity"}
SUMMING = {"affine", "contract", "attention", "join", "scale", "shift", "pool"}


class Origin(NamedTuple):
    """`why` completes "… comes from finite inputs because"; `overflow` says that the numbers were too large."""

    why: str
    overflow: bool


def largest(dtype: str) -> float:
    """The largest finite number of a floating dtype by name; float32's for names not known."""
    return LARGEST.get(dtype, 3.4028234663852886e38)


def operands(evidence: Evidence, node: Node) -> list[Moments]:
    """Moments of what a node read: signals seen through views, batch tensors, and parameters."""
    facts = {f.name: f.reading.moments for f in (*evidence.inputs, *evidence.targets)}
    found = []
    for index in node.inputs:
        current = evidence.graph.nodes[index]
        while current.index not in evidence.signals and current.inputs and current.kind in MOVING:
            current = evidence.graph.nodes[current.inputs[0]]
        reading = evidence.signals.get(current.index)
        moments = reading.moments if reading is not None else facts.get(current.where)
        if moments is not None:
            found.append(moments)
    names = [name for use in node.uses for name in use.parameters]
    return found + [evidence.parameters[n].value.moments for n in names if n in evidence.parameters]


def origin(evidence: Evidence, node: Node) -> Origin:
    """Why `node`, the first that is not finite, is not."""
    reading, read = evidence.signals.get(node.index), operands(evidence, node)
    if reading is None:
        return Origin("the loss became so without an op that could be watched", False)
    spoilt = [m for m in read if m.nonfinite]
    if spoilt:
        return Origin(_from_nonfinite(node, reading.moments, spoilt), False)
    top = max((m.absmax for m in read), default=0.0)
    if reading.moments.nan:
        return Origin(_nan(node, read, top), False)
    return _infinite(node, read, top)


def _from_nonfinite(node: Node, made: Moments, spoilt: list[Moments]) -> str:
    nan = sum(m.nan for m in spoilt)
    if nan:
        return f"it read {nan:,} NaN"
    infinite = sum(m.nonfinite for m in spoilt)
    if not made.nan:
        return f"it read {infinite:,} infinite value{'s' * (infinite != 1)}"
    if node.kind == "softmax" or node.kind == "attention":
        return "a whole row it read is −∞ (everything masked): 0/0"
    form = {"mul": "0 · ∞", "div": "∞/∞"}.get(node.op, "∞ − ∞ or 0 · ∞")
    return f"it read {infinite:,} infinite value{'s' * (infinite != 1)}: {form}"


def _nan(node: Node, read: list[Moments], top: float) -> str:
    if node.op in LOGS:
        return "it took the logarithm of a negative number"
    if node.op in ROOTS:
        return "it took a root of a negative number"
    if node.op in ("div", "cosine_similarity"):
        return f"it divided zero by zero ({max((m.zeros for m in read), default=0)} zeros read)"
    if node.op in ("asin", "acos", "atanh", "acosh"):
        return f"it read numbers outside the function's domain (largest {top:.3g})"
    if node.op in ("std", "var", "var_mean", "std_mean"):
        return "it took a deviation over a single value (n − 1 = 0)"
    if node.kind in ("pool", "loss"):
        return "it averaged over no entries, 0/0" if top < 1e18 else f"its sum overflowed (largest read {top:.3g})"
    if node.kind in ("norm", "softmax", "attention"):
        return f"its intermediate sums overflowed or vanished (largest read {top:.3g})"
    return f"an intermediate result was ∞ − ∞, 0 · ∞ or 0/0 (largest read {top:.3g})"


def _infinite(node: Node, read: list[Moments], top: float) -> Origin:
    dtype = node.outputs[0].dtype if node.outputs else "float32"
    if node.op in LOGS:
        return Origin(f"it took the logarithm of zero ({max((m.zeros for m in read), default=0)} zeros read)", False)
    zeros = max((m.zeros for m in read), default=0)
    if node.op in QUOTIENTS and zeros and not (node.op == "pow" and top > 1e4):
        return Origin(f"it divided by zero ({zeros} zeros read)", False)
    if node.kind == "loss" and top < 0.1 * largest(dtype) ** 0.5:
        return Origin("the loss is infinite there: the logarithm of a zero probability", False)
    what = "its sum of products" if node.kind in SUMMING else "its value"
    return Origin(f"{what} exceeds {largest(dtype):.3g}, the largest {dtype} (largest read {top:.3g})", True)


def harmful(evidence: Evidence) -> bool:
    """Whether the loss, an output or a parameter's gradient is not finite."""
    loss = evidence.loss.value if evidence.loss is not None else None
    if loss is not None and not math.isfinite(loss):
        return True
    gradients = (p.gradient for p in evidence.parameters.values() if p.gradient is not None)
    return any(g.moments.nonfinite for g in gradients) or any(r.moments.nan for r in evidence.outputs.values())
