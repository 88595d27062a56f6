"""Arithmetic: signals that meet join; a signal with a parameter is scaled or shifted; with a constant, moved."""

import torch

from steadygrad.graph.ops.call import Call, Operand, Seen

SUMS = ("add", "__add__", "__radd__", "__iadd__", "sub", "subtract", "__sub__", "__rsub__", "__isub__", "rsub")
PRODUCTS = (
    "mul", "multiply", "__mul__", "__rmul__", "__imul__", "div", "divide", "true_divide", "__truediv__", "__rtruediv__",
    "__itruediv__", "__div__", "__idiv__", "__rdiv__",
)  # fmt: skip
NAMES = {**dict.fromkeys(SUMS[:4], "add"), **dict.fromkeys(SUMS[4:], "sub")}
NAMES |= {name: "div" if "div" in name else "mul" for name in PRODUCTS}


def _number(call: Call) -> dict[str, float]:
    """The plain number the signal met, if it met one."""
    for value in call.args[:2]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"number": float(value)}
    return {}


def binary(call: Call) -> Seen:
    """`a ∘ b` for ∘ in + − × ÷."""
    op = NAMES[call.name]
    signals, parameters, _ = call.sides()
    if len(signals) > 1:
        return Seen(op, "join", signals, options=_number(call))
    if parameters:
        kind, role = ("shift", "bias") if op in ("add", "sub") else ("scale", "scale")
        operands = [Operand(p, role, None, p.ndim - 1 if p.ndim else None) for p in parameters]
        return Seen(op, kind, signals, operands)  # type: ignore[arg-type]
    return Seen(op, "pointwise", signals, options=_number(call))


def join(call: Call) -> Seen:
    """Ops that put several tensors together: cat, stack, lerp, addcmul, where …"""
    signals, parameters, _ = call.sides()
    operands = [Operand(p, "other") for p in parameters]
    return Seen(call.name, "join" if len(signals) > 1 or operands else "pointwise", signals, operands)


OPS = {
    **dict.fromkeys(NAMES, binary),
    **dict.fromkeys(
        ("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "lerp", "addcmul", "addcdiv", "where"), join
    ),
}


def fills(call: Call) -> float | None:
    """The number a masking op writes (masked_fill, where with a number), else None."""
    for value in (*call.args[1:], *call.kwargs.values()):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, torch.Tensor) and value.ndim == 0 and value.is_floating_point():
            return float(value)
    return None


def masked_fill(call: Call) -> Seen:
    """Numbers written where a mask says so."""
    signals = [t for t in call.tensors() if call.side(t) == "signal"]
    return Seen("masked_fill", "pointwise", signals[:1], options={"fill": fills(call)})


OPS["masked_fill"] = masked_fill
