"""Arithmetic: signals that meet join; a signal with a parameter is scaled or shifted; with a constant, moved."""

from dataclasses import replace
from math import gamma, pi, sqrt

import numpy as np
import torch

from steadygrad.graph.ops import constant
from steadygrad.graph.ops.call import Call, Operand, Seen
from steadygrad.graph.ops.flow import Flow, Gradient, Passage, Signal, mixed, same
from steadygrad.graph.signal_graph import Node

SUMS = ("add", "__add__", "__radd__", "__iadd__", "sub", "subtract", "__sub__", "__rsub__", "__isub__", "rsub")
PRODUCTS = (
    "mul", "multiply", "__mul__", "__rmul__", "__imul__", "div", "divide", "true_divide", "__truediv__", "__rtruediv__",
    "__itruediv__", "__div__", "__idiv__", "__rdiv__",
)  # fmt: skip
POWERS = ("pow", "__pow__", "__ipow__", "float_power")
ROOTS = {"sqrt": 0.5, "rsqrt": -0.5, "reciprocal": -1.0}
NEARLY = 0.9  # share of the mean from which on a signal is its mean: a power of it is that of the mean
NAMES = {**dict.fromkeys(SUMS[:4], "add"), **dict.fromkeys(SUMS[4:], "sub")}
NAMES |= {name: "div" if "div" in name else "mul" for name in PRODUCTS}


def _number(call: Call) -> dict[str, float]:
    """The plain number the signal met, if it met one; a constant tensor of one entry is one, such as the √width that Gemma 3 keeps in a buffer."""
    for value in call.args[:2]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"number": float(value)}
        plain = type(value) is torch.Tensor and value.numel() == 1 and not value.is_meta and not value.is_complex()
        if plain and call.side(value) == "constant":
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
    rounded = {"rounding_mode": call.kwargs["rounding_mode"]} if call.kwargs.get("rounding_mode") else {}
    number = _number(call)
    return Seen(op, "pointwise", signals, options={**number, **rounded, **({} if number or rounded else constant.met(call, op))})


def join(call: Call) -> Seen:
    """Ops that put several tensors together: cat, stack, lerp, addcmul, where …"""
    signals, parameters, _ = call.sides()
    operands = [Operand(p, "other") for p in parameters]
    return Seen(call.name, "join" if len(signals) > 1 or operands else "pointwise", signals, operands)


OPS = {
    **dict.fromkeys(NAMES, binary),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "lerp", "addcmul", "addcdiv", "where"), join),
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


def join_forward(at: Passage) -> Signal | None:
    """Sums add second moments, and offsets; products multiply them; concatenations average by size."""
    parts = at.incoming
    if at.node.op in ("add", "sub") and len(parts) == 2:
        return summed(parts)
    if at.node.op == "mul" and len(parts) == 2:
        return _product(*parts)
    if at.node.op in ("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"):
        own = [Signal(at.moment(use), 0.0, 0.0, 1.0) for use in at.node.uses]
        sizes = [float(at.read(i)) for i in range(len(parts))]
        rest = max(at.made - sum(sizes), 0.0)
        return mixed([*parts, *own], [*sizes, *(rest / len(own) for _ in own)])
    return mixed(parts, [1.0] * len(parts)) if at.node.op == "where" else None


def _product(left: Signal, right: Signal) -> Signal:
    return Signal(left.q * right.q, left.mean * right.mean, left.c * right.c, left.b * right.b)


def summed(parts: tuple[Signal, ...]) -> Signal:
    """Signals without a common source: cross terms are products of offsets only."""
    offset = sum((np.sqrt(part.mean * part.q) for part in parts), np.zeros(1))
    q = sum((part.q for part in parts), np.zeros(1)) + offset**2 - sum((part.mean * part.q for part in parts), np.zeros(1))
    own = float(q[0])
    if own <= 0.0:
        return Signal(q)
    mean = float(offset[0]) ** 2 / own
    cross = mean - sum(part.mean * part.value for part in parts) / own
    c, b = (sum(getattr(p, name) * p.value for p in parts) / own + cross for name in ("c", "b"))
    above = sum(part.above * part.value for part in parts) / own if sum(part.above > 0.0 for part in parts) == 1 else 0.0
    return Signal(q, min(mean, 1.0), min(c, 1.0), min(b, 1.0), above)


def join_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """Sums pass the gradient on, products times the other factor; a broadcast operand sums over its copies."""
    found: list[Gradient | None] = []
    for i in range(len(at.incoming)):
        one = gradient
        if at.node.op == "mul" and len(at.incoming) == 2:
            other = at.incoming[1 - i]
            one = Gradient(gradient.g * other.q, gradient.c * other.c)
        elif at.incoming[i].above <= 0.0:
            one = replace(one, lift=1.0)
        copies = at.made / max(at.read(i), 1)
        if copies > 1.0 and at.node.op in ("add", "sub", "mul"):
            one = one.times(copies * (1.0 + (copies - 1.0) * max(one.c, 0.0)))
        found.append(one)
    return found


def scale_forward(at: Passage) -> Signal | None:
    """x·γ; a γ that is made of a parameter, as in x·(1 + w), is measured: numbers of w say little of it."""
    if at.node.op != "mul" or not at.incoming or at.node.uses[0].derived:
        return None
    x, w = at.incoming[0], at.moment(at.node.uses[0])
    return replace(x, q=x.q * w)


def scale_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """g·γ²."""
    return [gradient.times(at.moment(at.node.uses[0])) if at.node.op == "mul" else gradient for _ in at.incoming]


def shift_forward(at: Passage) -> Signal:
    """x + b; what differs between positions (a positional table) makes them more different, what does not makes them more alike."""
    x, use = at.incoming[0], at.node.uses[0]
    added = at.moment(use)
    q = x.q + added
    kept = float(x.value / q[0]) if q[0] > 0.0 else 1.0
    places = sum(size > 1 for size in use.shape) > 1
    return Signal(q, x.mean * kept, x.c * kept + (0.0 if places else 1.0 - kept), x.b * kept + 1.0 - kept)


def number_forward(at: Passage) -> Signal | None:
    """x·k and x/k scale; x + k moves the offset; of what hardly differs from its mean, as a mean square, x^p is q^p.

    A tensor of constants is a signal that no weight changes: a table of positions adds its own second moment, whatever that of x is. What a mask
    hides nothing reads: the rest is as it was.
    """
    number = at.node.options.get("number")
    if len(at.incoming) != 1:
        return None
    x, p, met = at.incoming[0], _exponent(at.node), constant.signal(at.node.options)
    if at.node.options.get("masks"):
        return x
    if met is not None:
        return summed((x, met)) if at.node.op in ("add", "sub") else _product(x, met)
    if p is not None and x.mean > NEARLY:
        return replace(x, q=x.q**p)
    number = number if isinstance(number, float) else at.node.options.get("exponent")
    if not isinstance(number, float):
        return x if at.node.op in ("neg", "__neg__", "negative", "masked_fill", "nan_to_num") else None
    if at.node.op in POWERS:
        return x if number < 0.0 or x.mean > 0.1 else _raised(x, number)
    if at.node.op in ("mul", "div") and not (at.node.op == "div" and "__r" in at.node.function):
        return replace(x, q=x.q * _power(at))
    if at.node.op in ("add", "sub"):
        q = x.q * (1.0 - x.mean) + (np.sqrt(x.mean * x.q) + abs(number)) ** 2
        moved = 1.0 - float(x.value * (1.0 - x.mean) / q[0]) if q[0] > 0.0 else 0.0
        return Signal(q, moved, x.c + (1.0 - x.c) * moved, x.b + (1.0 - x.b) * moved)
    return None


def _power(at: Passage) -> float:
    number = float(at.node.options["number"])
    return number**2 if at.node.op == "mul" else 1.0 / number**2 if number else np.inf


def _exponent(node: Node) -> float | None:
    """p of an op that raises to a power."""
    p = node.options.get("exponent") if node.op in POWERS else ROOTS.get(node.op)
    return p if isinstance(p, float) else None


def _raised(x: Signal, p: float) -> Signal:
    """E[(√q z)^2p] = q^p·2^p·Γ(p + ½)/√π."""
    second = 2.0**p * gamma(p + 0.5) / sqrt(pi)
    mean = (2.0 ** (p / 2) * gamma((p + 1) / 2) / sqrt(pi)) ** 2 / second if p % 2 == 0 else 0.0
    return Signal(x.q**p * second, mean, mean + (1.0 - mean) * x.c**2, mean + (1.0 - mean) * x.b**2)


def number_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """As the number scales; by the measured change of q where the op is not known in closed form."""
    met = constant.signal(at.node.options)
    if met is not None:
        copies = max(at.made / max(at.read(), 1), 1.0)
        one = Gradient(gradient.g * met.q, gradient.c * met.c) if at.node.op in ("mul", "div") else gradient
        return [one.times(copies * (1.0 + (copies - 1.0) * max(one.c, 0.0)))]
    if isinstance(at.node.options.get("number"), float) and at.node.op in ("mul", "div"):
        return [gradient.times(_power(at)) for _ in at.incoming]
    p, q = _exponent(at.node), at.incoming[0].q
    if p is not None and at.incoming[0].mean > NEARLY and np.all(q > 0.0):
        return [gradient.times(p**2 * q ** (p - 1.0))]
    if p is not None and p >= 1.0:
        return [gradient.times(p**2 * q ** (p - 1.0) * 2.0 ** (p - 1.0) * gamma(p - 0.5) / sqrt(pi))]
    return [gradient for _ in at.incoming]


FLOWS = {
    "kind:join": Flow(join_forward, join_backward),
    "kind:scale": Flow(scale_forward, scale_backward),
    "kind:shift": Flow(shift_forward, same),
    "kind:pointwise": Flow(number_forward, number_backward),
}
