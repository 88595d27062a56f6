"""Affine ops: linear, matmul and einsum with a weight, bilinear; and contractions of two signals."""

import torch

from steadygrad.graph.fans import einsum_fans, linear_fans, matmul_fans
from steadygrad.graph.ops.call import Call, Operand, Seen, bias_operand


def linear(call: Call) -> Seen:
    """`y = x Wᵀ + b`, W (out, in)."""
    x, weight, bias = call.get(0, "input"), call.get(1, "weight"), call.get(2, "bias")
    operands = [Operand(weight, "weight", linear_fans(weight.shape), 0), *bias_operand(bias)]
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
    """`b + x @ W` (addmm, baddbmm, addbmm, addmv)."""
    bias, left, right = (call.get(i, name) for i, name in enumerate(("input", "mat1", "mat2")))
    seen = _product(call, left, right, "matmul")
    if call.side(bias) == "parameter":
        seen.operands.append(Operand(bias, "bias", None, bias.ndim - 1))
    elif call.side(bias) == "signal":
        seen.signals.append(bias)
    return seen


def einsum(call: Call) -> Seen:
    """`einsum("…", x, W)`; fans from the letters."""
    equation = call.args[0] if isinstance(call.args[0], str) else ""
    operands = [t for t in call.tensors() if t is not call.args[0]]
    signals = [t for t in operands if call.side(t) == "signal"]
    weights = [t for t in operands if call.side(t) == "parameter"]
    if not weights:
        return Seen("einsum", "contract", signals, options={"equation": equation})
    uses = [_einsum_use(equation, operands, weight) for weight in weights]
    return Seen("einsum", "affine", signals, uses, {"equation": equation}, _einsum_unit_axis(equation, operands, weights))


def _letters(equation: str, count: int) -> tuple[list[str], str] | None:
    """Operand and output axis letters, or None when the equation has an ellipsis or is not text."""
    equation = equation.replace(" ", "")
    if not equation or "..." in equation:
        return None
    left, _, right = equation.partition("->")
    parts = left.split(",")
    if "->" not in equation:
        right = "".join(sorted({a for a in left if a.isalpha() and left.count(a) == 1}))
    return (parts, right) if len(parts) == count else None


def _einsum_use(equation: str, operands: list[torch.Tensor], weight: torch.Tensor) -> Operand:
    letters = _letters(equation, len(operands))
    if letters is None:
        return Operand(weight, "weight")
    position = next(i for i, t in enumerate(operands) if t is weight)
    others = "".join(part for i, part in enumerate(letters[0]) if i != position)
    fans, axis = einsum_fans(letters[0][position], others, letters[1], weight.shape)
    return Operand(weight, "weight", fans, axis)


def _einsum_unit_axis(equation: str, operands: list[torch.Tensor], weights: list[torch.Tensor]) -> int | None:
    letters = _letters(equation, len(operands))
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
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "__matmul__", "__rmatmul__", "inner", "sparse_mm", "spmm"), matmul),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv", "sparse_addmm"), addmm),
}
