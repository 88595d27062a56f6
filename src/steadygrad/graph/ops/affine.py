"""Affine ops: linear, matmul and einsum with a weight, bilinear; and contractions of two signals."""

from dataclasses import replace
from math import prod
from string import ascii_letters as LETTERS

import numpy as np
import torch

from steadygrad.graph.fans import einsum_fans, linear_fans, matmul_fans
from steadygrad.graph.ops import borders
from steadygrad.graph.ops.arithmetic import summed
from steadygrad.graph.ops.attention import apart, averaged
from steadygrad.graph.ops.call import Call, Operand, Seen, bias_operand
from steadygrad.graph.ops.flow import Flow, Gradient, Passage, Signal


def linear(call: Call) -> Seen:
    """`y = x Wᵀ + b`, W (out, in); x may be learned too, as the queries that pool by attention are."""
    x, weight, bias = call.get(0, "input"), call.get(1, "weight"), call.get(2, "bias")
    learned = [Operand(x, "other")] if call.side(x) == "parameter" else []
    operands = [Operand(weight, "weight", linear_fans(weight.shape), 0), *bias_operand(bias), *learned]
    return Seen("linear", "affine", [x], operands, unit_axis=call.output.ndim - 1, starts=True)


def _product(call: Call, left: torch.Tensor, right: torch.Tensor, op: str) -> Seen:
    """`left @ right` where either may be the weight."""
    left_side, right_side = call.side(left), call.side(right)
    if left_side == "signal" and right_side == "signal":
        return Seen(op, "contract", [left, right], options={"contracted": left.shape[-1]})
    last = call.output.ndim - 1 if call.output.ndim else None
    if right_side == "parameter" and left_side != "parameter":
        axis = right.ndim - 1 if right.ndim > 1 else None
        use = Operand(right, "weight", matmul_fans(right.shape, weight_is_left=False), axis)
        return Seen(op, "affine", [left], [use], unit_axis=last)
    if left_side == "parameter" and right_side != "parameter":
        axis = left.ndim - 2 if left.ndim > 1 else None
        use = Operand(left, "weight", matmul_fans(left.shape, weight_is_left=True), axis)
        rows = call.output.ndim - 2 if right.ndim > 1 else last
        return Seen(op, "affine", [right], [use], unit_axis=rows)
    signals = [t for t in (left, right) if call.side(t) == "signal"]
    return Seen(op, "contract", signals, options={"contracted": left.shape[-1], "with_constant": True})


def matmul(call: Call) -> Seen:
    """`a @ b` in all spellings."""
    left, right = call.get(0, "input"), call.get(1, "other", call.get(1, "mat2"))
    if call.name == "__rmatmul__":
        left, right = right, left
    return _product(call, left, right, "matmul")


def addmm(call: Call) -> Seen:
    """`β·b + α·x @ W` (addmm, baddbmm, addbmm, addmv)."""
    batched = call.name.endswith("bmm")
    bias, left, right = (call.get(i, name) for i, name in enumerate(("input", "batch1", "batch2") if batched else ("input", "mat1", "mat2")))
    seen = _product(call, left, right, "matmul")
    if call.side(bias) == "parameter":
        seen.operands.append(Operand(bias, "bias", None, bias.ndim - 1))
    elif call.side(bias) == "signal":
        seen.signals.append(bias)
    if seen.kind == "contract":
        seen.options |= {"factor": float(call.kwargs.get("alpha", 1.0)), "added": len(seen.signals) > 2}
    return seen


def grouped(call: Call) -> Seen:
    """`grouped_mm(x, W, offs)`: rows of x by the matrix of their group, W (groups, in, out), as stacked experts use it."""
    left, right, bias = call.get(0, "mat_a", call.get(0, "input")), call.get(1, "mat_b", call.get(1, "weight")), call.get(3, "bias")
    seen = _product(call, left, right, "grouped_mm")
    if isinstance(bias, torch.Tensor) and call.side(bias) == "parameter":
        seen.operands.append(Operand(bias, "bias", None, bias.ndim - 1))
    return seen


def einsum(call: Call) -> Seen:
    """`einsum("…", x, W)`; fans from the letters."""
    equation = call.args[0] if isinstance(call.args[0], str) else ""
    return _contraction("einsum", equation, [t for t in call.tensors() if t is not call.args[0]], call)


def tensordot(call: Call) -> Seen:
    """`tensordot(x, W, dims)`, as the einsum it is."""
    left, right, dims = call.get(0, "a"), call.get(1, "b"), call.get(2, "dims", 2)
    pairs = (range(left.ndim - dims, left.ndim), range(dims)) if isinstance(dims, int) else (list(dims[0]), list(dims[1]))
    letters = [*LETTERS[: left.ndim]], [*LETTERS[left.ndim : left.ndim + right.ndim]]
    for i, j in zip(*pairs, strict=False):
        letters[1][j] = letters[0][i]
    summed = {letters[0][i] for i in pairs[0]}
    result = "".join(axis for axis in letters[0] + letters[1] if axis not in summed)
    return _contraction("tensordot", f"{''.join(letters[0])},{''.join(letters[1])}->{result}", [left, right], call)


def _contraction(op: str, equation: str, operands: list[torch.Tensor], call: Call) -> Seen:
    signals = [t for t in operands if call.side(t) == "signal"]
    weights = [t for t in operands if call.side(t) == "parameter"]
    if not weights:
        return Seen(op, "contract", signals, options={"equation": equation})
    uses = [_einsum_use(equation, operands, weight) for weight in weights]
    return Seen(op, "affine", signals, uses, {"equation": equation}, _einsum_unit_axis(equation, operands, weights))


def named_axes(equation: str, axes: list[int]) -> tuple[list[str], str] | None:
    """Operand and output axis letters, the axes of an ellipsis named too; None when it is not text for operands of so many axes."""
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    parts = left.split(",")
    if not equation or len(parts) != len(axes):
        return None
    fresh = "".join(letter for letter in LETTERS if letter not in equation)
    hidden = [n - len(part.replace("...", "")) if "..." in part else 0 for part, n in zip(parts, axes, strict=True)]
    most = max(hidden)
    if not arrow:
        once = sorted({axis for axis in left if axis.isalpha() and left.count(axis) == 1})
        right = "..." * ("..." in left) + "".join(once)
    named = [part.replace("...", fresh[most - n : most]) for part, n in zip(parts, hidden, strict=True)]
    return named, right.replace("...", fresh[:most])


def _einsum_use(equation: str, operands: list[torch.Tensor], weight: torch.Tensor) -> Operand:
    letters = named_axes(equation, [t.ndim for t in operands])
    if letters is None:
        return Operand(weight, "weight")
    position = next(i for i, t in enumerate(operands) if t is weight)
    others = "".join(part for i, part in enumerate(letters[0]) if i != position)
    fans, axis = einsum_fans(letters[0][position], others, letters[1], weight.shape)
    return Operand(weight, "weight", fans, axis)


def _einsum_unit_axis(equation: str, operands: list[torch.Tensor], weights: list[torch.Tensor]) -> int | None:
    letters = named_axes(equation, [t.ndim for t in operands])
    if letters is None:
        return None
    position = next(i for i, t in enumerate(operands) if t is weights[0])
    others = "".join(part for i, part in enumerate(letters[0]) if i != position)
    brought = [letters[1].index(a) for a in letters[0][position] if a in letters[1] and a not in others]
    return brought[-1] if brought else None


def bilinear(call: Call) -> Seen:
    """`y_k = x₁ᵀ W_k x₂ + b_k`: each output sums in₁·in₂ products."""
    left, right, weight, bias = (call.get(i, n) for i, n in enumerate(("input1", "input2", "weight", "bias")))
    fans = linear_fans((weight.shape[0], weight.shape[1] * weight.shape[2]))
    operands = [Operand(weight, "weight", fans, 0), *bias_operand(bias)]
    return Seen("bilinear", "affine", [left, right], operands, unit_axis=call.output.ndim - 1, starts=True)


OPS = {
    "linear": linear,
    "bilinear": bilinear,
    "einsum": einsum,
    "tensordot": tensordot,
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "__matmul__", "__rmatmul__", "inner", "sparse_mm", "spmm"), matmul),
    **dict.fromkeys(("grouped_mm", "_grouped_mm", "grouped_mm_fallback"), grouped),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv", "sparse_addmm"), addmm),
}


def forward(at: Passage) -> Signal | None:
    """q ↦ Σw²·q + Σb²: entries of a row are independent of the signal, whose offset and correlations pass through."""
    x, weights = _read(at), [use for use in at.of_role("weight") if use.fans is not None]
    if x is None or len(weights) != 1 or len(at.incoming) > 2:
        return None
    fans = weights[0].fans
    assert fans is not None
    inside, profile = borders.forward(at, x.profile)
    product = at.moment(weights[0]) * fans.fan_in * inside * x.q
    if len(at.incoming) == 2:  # bilinear, or addmm onto a signal
        other = at.incoming[1]
        product = product * other.q if at.node.op == "bilinear" else product + other.q
    bias = sum((at.moment(use) for use in at.of_role("bias")), np.zeros(1))
    q = product + bias
    kept = float((product * np.ones_like(q))[0] / q[0]) if q[0] > 0.0 else 1.0
    return Signal(q, 0.0, x.c * kept + (1.0 - kept), x.b * kept + (1.0 - kept), profile=borders.merged([profile, ()], [kept, 1.0 - kept]))


def _read(at: Passage) -> Signal | None:
    """What the weight contracts: a signal, or learned queries, which are the same for all samples."""
    learned = at.of_role("other")
    return at.incoming[0] if at.incoming else Signal(at.moment(learned[0]), 0.0, 0.0, 1.0) if learned else None


def backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """g ↦ fan_out·w²·g."""
    weights = [use for use in at.of_role("weight") if use.fans is not None]
    if len(weights) != 1:
        return [gradient for _ in at.incoming]
    fans = weights[0].fans
    assert fans is not None
    inside, profile = borders.backward(at, gradient.profile)
    through = replace(gradient.times(at.moment(weights[0]) * fans.fan_out * inside), profile=profile)
    if len(at.incoming) == 2:
        swapped = at.incoming[1], at.incoming[0]
        return [through.times(s.q) for s in swapped] if at.node.op == "bilinear" else [through, gradient]
    return [through for _ in at.incoming]


def contract_forward(at: Passage) -> Signal | None:
    """What `_products` makes; a third signal is what it is added to, as the mask or bias of attention logits."""
    if at.node.options.get("with_constant") or len(at.incoming) != (3 if at.node.options.get("added") else 2):
        return None
    made = _products(at, *at.incoming[:2])
    made = None if made is None else made.times(_factor(at))
    return made if made is None or len(at.incoming) == 2 else summed((made, at.incoming[2]))


def _factor(at: Passage) -> float:
    """What the model multiplies the second moment of a contraction by: α² of baddbmm."""
    return float(at.node.options.get("factor", 1.0)) ** 2


def _products(at: Passage, left: Signal, right: Signal) -> Signal | None:
    """Σ over n of products of two independent signals: n·q₁·q₂; attention weights average their values instead.

    Over positions products are alike: n·q₁·q₂·(1 + (n − 1)·c₁c₂).
    """
    n = at.node.options.get("contracted")
    if left.share > 0.0 or right.share > 0.0:
        weights, values = (left, right) if left.share > 0.0 else (right, left)
        if at.positions is False:  # attention over channels, which have nothing in common but an offset
            own = values.mean + (1.0 - values.mean) * weights.share
            return Signal(values.q * own, min(values.mean / max(own, 1e-12), 1.0), values.c, values.b)
        return averaged(values, weights.share, 1.0 / max(n if isinstance(n, int) else contracted(at) or 1, 1))
    if not isinstance(n, int):
        n = contracted(at)
    if n is None:
        return None
    if at.positions:
        alike = 1.0 + (n - 1.0) * max(left.c * right.c, 0.0)
        return Signal(n * alike * left.q * right.q, 0.0, 0.0, left.b * right.b)
    return Signal(n * left.q * right.q, 0.0, left.c * right.c, left.b * right.b)


def contract_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """Each operand's gradient sums those of all outputs it reached, times the other operand."""
    added = bool(at.node.options.get("added"))
    if len(at.incoming) != 2 + added:
        return [gradient for _ in at.incoming]
    left, right = at.incoming[:2]
    n = at.node.options.get("contracted")
    n = n if isinstance(n, int) else contracted(at) or 1
    third: list[Gradient | None] = [gradient] if added else []
    gradient = gradient.times(_factor(at))
    reached = [at.made * n / max(at.read(i), 1) for i in (0, 1)]
    found: list[Gradient | None] = []
    for i, (own, other) in enumerate(((left, right), (right, left))):
        if other.share > 0.0:  # values: the mean of what they were averaged into
            back = averaged(Signal(gradient.g, 0.0, gradient.c), other.share, 1.0 / n)
            found.append(Gradient(back.q, back.c))
        elif own.share > 0.0:  # attention weights: a common offset of all values moves nothing
            found.append(gradient.times(reached[i] * other.q * apart(other.c)))
        else:
            found.append(gradient.times(reached[i] * other.q))
    return found + third


def contracted(at: Passage) -> int | None:
    """How many products an output entry of an einsum of two signals sums: (left·right/out) has it twice for each shared axis."""
    letters = named_axes(str(at.node.options.get("equation", "")), [len(at.shapes[i].shape) for i in (0, 1)])
    if letters is None:
        return None
    (left, right), output = letters
    sizes = dict(zip(left, at.shapes[0].shape, strict=False)) | dict(zip(right, at.shapes[1].shape, strict=False))
    return prod(size for axis, size in sizes.items() if axis not in output)


FLOWS = {"kind:affine": Flow(forward, backward), "kind:contract": Flow(contract_forward, contract_backward)}
