"""Elementwise nonlinearities. `op` is the name `theory.activations` knows; `options` are its parameters."""

import math
from dataclasses import replace

import numpy as np

from steadygrad.graph.ops.call import Call, Operand, Seen
from steadygrad.graph.ops.flow import Array, Flow, Gradient, Passage, Signal
from steadygrad.theory import activations
from steadygrad.theory.moment_table import MomentTable, table

# canonical name → (keyword, position, default) of the parameters that change the function's shape
PARAMETERS: dict[str, tuple[tuple[str, int, float], ...]] = {
    "leaky_relu": (("negative_slope", 1, 0.01),),
    "elu": (("alpha", 1, 1.0),),
    "celu": (("alpha", 1, 1.0),),
    "softplus": (("beta", 1, 1.0), ("threshold", 2, 20.0)),
    "hardtanh": (("min_val", 1, -1.0), ("max_val", 2, 1.0)),
    "hardshrink": (("lambd", 1, 0.5),),
    "softshrink": (("lambd", 1, 0.5),),
    "threshold": (("threshold", 1, 0.0), ("value", 2, 0.0)),
    "rrelu": (("lower", 1, 1 / 8), ("upper", 2, 1 / 3)),
}
PLAIN = (
    "relu", "relu6", "selu", "gelu", "silu", "mish", "softsign", "tanh", "tanhshrink", "hardsigmoid", "hardswish",
    "sigmoid", "logsigmoid", "erf", "sin", "cos", "exp", "square", "abs",
)  # fmt: skip
RECTIFIERS = frozenset({"relu", "relu6", "threshold", "hardshrink"})  # constant, with slope 0, over a whole range of inputs: a unit there is off
IDENTICAL = 1.0 - 1e-9  # share of a never-negative part from which on ReLU changes nothing
OFFSET = 0.02  # share of the mean in the second moment above which it counts
ALIASES = {"swish": "silu", "log_sigmoid": "logsigmoid", "special_expit": "sigmoid", "expit": "sigmoid", "absolute": "abs"}


def activation(call: Call) -> Seen:
    """φ(x), elementwise."""
    name = ALIASES.get(call.name, call.name)
    x = call.tensors()[0]
    options: dict[str, object] = {}
    for keyword, position, default in PARAMETERS.get(name, ()):
        value = call.get(position, keyword, default)
        options[keyword] = float(value) if isinstance(value, int | float) else default
    if name == "gelu":
        options["approximate"] = call.kwargs.get("approximate", "none")
    return Seen(name, "activation", [x], options=options)


def prelu(call: Call) -> Seen:
    """PReLU: the slope is a parameter."""
    x, slope = call.get(0, "input"), call.get(1, "weight")
    return Seen("prelu", "activation", [x], [Operand(slope, "other")])


def glu(call: Call) -> Seen:
    """`a · σ(b)` over the two halves of an axis."""
    return Seen("glu", "activation", [call.get(0, "input")], options={"dim": call.get(1, "dim", -1), "gated": True})


def clamp(call: Call) -> Seen:
    """`clamp(x, min, max)`; with min=0 only, it is ReLU."""
    low, high = call.get(1, "min"), call.get(2, "max")
    if call.name == "clamp_min":
        low, high = call.get(1, "min"), None
    numbers = {k: float(v) for k, v in (("min_val", low), ("max_val", high)) if isinstance(v, int | float)}
    if numbers.get("min_val") == 0.0 and high is None:
        return Seen("relu", "activation", [call.tensors()[0]])
    return Seen("clamp", "pointwise", [t for t in call.tensors() if call.side(t) == "signal"], options=dict(numbers))


def maximum(call: Call) -> Seen:
    """`maximum(a, b)`, `minimum(a, b)`: a join of two signals, or a clamp by a constant."""
    signals = [t for t in call.tensors() if call.side(t) == "signal"]
    return Seen(call.name, "join" if len(signals) > 1 else "pointwise", signals)


OPS = {
    **dict.fromkeys((*PLAIN, *PARAMETERS, *ALIASES), activation),
    "prelu": prelu,
    "glu": glu,
    "clamp": clamp,
    "clamp_min": clamp,
    "clip": clamp,
    "maximum": maximum,
    "minimum": maximum,
}


def _table(at: Passage) -> MomentTable | None:
    options = {k: v for k, v in at.node.options.items() if k not in ("gated", "dim", "inplace")}
    try:
        return table(activations.get(at.node.op, **options))
    except (LookupError, TypeError, ValueError):
        return None


def forward(at: Passage) -> Signal | None:
    """E[φ(x)²] for Gaussian x of the signal's offset and variance, and the correlation maps of φ."""
    phi = _table(at)
    if phi is None:
        return None
    x, read = _read(at, phi)
    if at.node.op == "relu" and x.above >= IDENTICAL:
        return replace(x, above=1.0)
    if at.node.op == "relu" and _half_zero(x):
        second, _, mean = rectified_again(x.q, x.above)
    elif x.mean > OFFSET:
        second, mean = phi.offset(x.q, read, _one_sided(at))
    else:
        q, above = x.value, 1.0 if at.node.op == "relu" else 0.0
        return Signal(phi.second(x.q), phi.mean_share(q), phi.correlation(q, x.c), phi.correlation(q, x.b), above)
    c, b = (mean + (1.0 - mean) * (value - x.mean) / max(1.0 - x.mean, 1e-9) for value in (x.c, x.b))
    return Signal(second, mean, min(c, 1.0), min(b, 1.0), 1.0 if at.node.op == "relu" else 0.0)


def backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """g·E[φ′(x)²]; where a later ReLU has masked g already, a ReLU takes less away."""
    phi = _table(at)
    if phi is None:
        return [gradient]
    x, read = _read(at, phi)
    lift = 1.0
    if at.node.op == "relu" and x.above > 0.0:
        slope = rectified_again(x.q, x.above)[1] if _half_zero(x) else phi.offset_slope(x.q, read, _one_sided(at))
        lift = _lift(x.q, x.above)
    elif gradient.chosen > 1:
        slope = phi.slope_of_largest(x.q, gradient.chosen)
    else:
        slope = phi.slope(x.q) if x.mean <= OFFSET else phi.offset_slope(x.q, read, _one_sided(at))
    if at.node.op == "relu":
        slope = np.minimum(slope * gradient.lift, 1.0)
    return [Gradient(gradient.g * slope, gradient.c * phi.slope_correlation(x.value, x.c), lift=lift)]


def _read(at: Passage, phi: MomentTable) -> tuple[Signal, Array]:
    """What the activation reads, at the offset that was seen, and that offset's share of its second moment, with its sign, per hypothesis.

    A few units behind an average over all positions are nearly constants: where all happen to be negative, SiLU makes less of them the larger
    they are. Of an offset that a bias adds the opposite holds: it stays where it is, and what weights add to it makes softplus(x − 5) more.
    Homogeneous functions scale whatever the offset is.
    """
    x = at.incoming[0]
    if at.offset is None or phi.activation.homogeneous:
        return x, np.full_like(x.q, x.mean)
    mean = at.offset.fixed + at.offset.share * np.sqrt(x.q)
    signed = np.copysign(np.minimum(mean**2 / np.maximum(x.q, 1e-300), 1.0), mean)
    share = abs(float(signed[0]))
    return replace(x, mean=share, c=max(x.c, share), b=max(x.b, share)), signed


def _one_sided(at: Passage) -> bool:
    return at.offset is not None and at.offset.one_sided


def _half_zero(x: Signal) -> bool:
    """Whether the never-negative part is as ReLU leaves it; behind a maximum its mean is larger and fewer entries are zero."""
    return x.above > 0.0 and x.mean <= x.above / math.pi + OFFSET


def _lift(q: Array, above: float) -> float:
    """P(g > 0 | x > 0)/½ for x = ReLU(g) + f as in `rectified_again`: (π − θ)/π over P(x > 0); 2 where f is nothing."""
    v, g = float(q[0]) * max(1.0 - above, 0.0), 2.0 * above * float(q[0])
    angle = math.acos(min(math.sqrt(g / max(g + v, 1e-300)), 1.0))
    positive = 0.25 + (math.pi - angle) / (2.0 * math.pi)
    return 2.0 if v <= 1e-12 * float(q[0]) else (math.pi - angle) / math.pi / positive


def rectified_again(q: Array, above: float) -> tuple[Array, Array, float]:
    """E[ReLU(x)²], P(x > 0) and the mean's share of the former, for x = ReLU(g) + f with independent centred Gaussian g and f.

    ReLU(g) brings the share `above` of E[x²] = q, so Var g = 2·above·q and Var f = (1 − above)·q = v. Where g < 0, f alone decides; where
    g > 0, g + f of variance s does, at angle θ = arccos √(Var g/s) to g:

        E[ReLU(x)²] = v/4 + s·(π − θ + sin θ·cos θ)/(2π)        P(x > 0) = 1/4 + (π − θ)/(2π)        (1/2 where v = 0)
    """
    v = q * max(1.0 - above, 0.0)
    s = 2.0 * above * q + v
    cosine = np.sqrt(2.0 * above * q / np.maximum(s, 1e-300))
    angle = np.arccos(np.minimum(cosine, 1.0))
    second = v / 4.0 + s * (np.pi - angle + np.sin(angle) * cosine) / (2.0 * np.pi)
    positive = np.where(v > 1e-12 * q, 0.25 + (np.pi - angle) / (2.0 * np.pi), 0.5)
    mean = float((0.5 * np.sqrt(v / (2.0 * np.pi)) + np.sqrt(s) * (1.0 + cosine) / (2.0 * np.sqrt(2.0 * np.pi)))[0])
    return second, positive, min(mean**2 / float(second[0]), 1.0) if second[0] > 0.0 else 0.0


def gated_forward(at: Passage) -> Signal | None:
    """`a·σ(b)`: q·E[σ²]."""
    x, gate = at.incoming[0], table(activations.get("sigmoid"))
    q = x.value
    return Signal(x.q * gate.second(x.q), 0.0, x.c * gate.correlation(q, x.c), x.b * gate.correlation(q, x.b))


def gated_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """The mean over both halves: g·(E[σ²] + q·E[σ′²])/2."""
    x, gate = at.incoming[0], table(activations.get("sigmoid"))
    return [gradient.times((gate.second(x.q) + x.q * gate.slope(x.q)) / 2.0)]


FLOWS = {"kind:activation": Flow(forward, backward), "glu": Flow(gated_forward, gated_backward)}
