"""Fused attention and softmax."""

import math
from dataclasses import replace
from math import prod

import numpy as np
import torch

from steadygrad.graph.ops.call import Call, Seen
from steadygrad.graph.ops.flow import Flow, Gradient, Passage, Signal
from steadygrad.theory.softmax_moments import participation, sensitivity


def attention(call: Call) -> Seen:
    """`F.scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal, scale)`."""
    query, key, value = (call.get(i, name) for i, name in enumerate(("query", "key", "value")))
    scale, mask = call.kwargs.get("scale"), call.get(3, "attn_mask")
    options = {
        "scale": float(scale) if isinstance(scale, int | float) else float(query.shape[-1]) ** -0.5,
        "causal": bool(call.get(5, "is_causal", False)),
        "masked": isinstance(mask, torch.Tensor),
        "dropout": call.get(4, "dropout_p", 0.0),
    }
    beside = {"bias": mask} if isinstance(mask, torch.Tensor) else {}
    return Seen("attention", "attention", [query, key, value], options=options, starts=True, beside=beside)


def softmax(call: Call) -> Seen:
    """`softmax`, `log_softmax`, `softmin` over one axis."""
    x = call.get(0, "input")
    dim = call.get(1, "dim")
    size = x.shape[dim] if isinstance(dim, int) and x.ndim else None
    return Seen(call.name, "softmax", [x], options={"dim": dim, "size": size})


def gumbel(call: Call) -> Seen:
    """`F.gumbel_softmax(logits, tau, hard, eps, dim)`."""
    x, dim = call.get(0, "logits"), call.get(4, "dim", -1)
    options = {"dim": dim, "size": x.shape[dim], "temperature": float(call.get(1, "tau", 1.0)), "hard": bool(call.get(2, "hard", False))}
    return Seen("gumbel_softmax", "softmax", [x], options=options)


OPS = {
    "gumbel_softmax": gumbel,
    "scaled_dot_product_attention": attention,
    "softmax": softmax,
    "log_softmax": softmax,
    "softmin": softmax,
    "special_softmax": softmax,
    "special_log_softmax": softmax,
}


def overlap(size: int, *, causal: bool = False) -> float:
    """Σ a·a′ of two rows of near-uniform attention weights: 1/n; causal rows i, j share min(i, j), which makes 1/max(i, j) on average."""
    if causal and size > 1:
        return 2.0 / (size - 1) * (1.0 - float(np.sum(1.0 / np.arange(1, size + 1))) / size)
    return 1.0 / max(size, 1)


def apart(c: float) -> float:
    """1 − c, by which positions differ: never nothing, however alike they are predicted, as the gradient of what chooses between them is never nothing."""
    return max(1.0 - c, 0.01)


def averaged(values: Signal, share: float, between: float) -> Signal:
    """Values averaged by weights with Σ a² = share, Σ a·a′ = between for two rows."""
    own = values.c + (1.0 - values.c) * share
    alike = (values.c + (1.0 - values.c) * min(between, share)) / own if own > 0.0 else 1.0
    return Signal(values.q * own, min(values.mean / max(own, 1e-12), 1.0), min(alike, 1.0), values.b)


def softmax_forward(at: Passage) -> Signal | None:
    """Entries a with Σ a = 1 and Σ a² = participation."""
    x, size = at.incoming[0], at.node.options.get("size")
    if at.node.op not in ("softmax", "special_softmax") or not isinstance(size, int):
        return None
    share = participation(_apart(at), size)
    return Signal(np.full_like(x.q, share / size), 1.0 / max(share * size, 1.0), share=share)


def softmax_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """a∘(g − Σ a·g), entries of g independent."""
    size = at.node.options.get("size")
    if made.share <= 0.0 or not isinstance(size, int):
        return [gradient]
    return [gradient.times(sensitivity(_apart(at), size) / size)]


def spread(x: Signal, positions: bool | None) -> float:
    """The variance of logits within a row, which alone a softmax sees: less what units have in common, or positions where it runs over them."""
    return x.value * (1.0 - (max(x.c, 0.0) if positions else x.mean))


def _apart(at: Passage) -> float:
    return spread(at.incoming[0], at.positions)


def gumbel_forward(at: Passage) -> Signal:
    """One position of n where it is hard, Σ a² = 1; else a softmax of (x + noise)/τ."""
    size = at.node.options["size"]
    share = 1.0 if at.node.options["hard"] else participation(_noisy(at), size)
    return Signal(np.full_like(at.incoming[0].q, share / size), 1.0 / max(share * size, 1.0), share=share)


def gumbel_backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """That of the softmax, hard or not: straight through (Jang et al. 2017, arXiv:1611.01144)."""
    size, temperature = at.node.options["size"], at.node.options["temperature"]
    return [gradient.times(sensitivity(_noisy(at), size) / size / temperature**2)]


def _noisy(at: Passage) -> float:
    """Variance of (x + noise)/τ; that of standard Gumbel noise is π²/6."""
    x = at.incoming[0]
    return (x.value * (1.0 - x.mean) + math.pi**2 / 6.0) / at.node.options["temperature"] ** 2


def _size(at: Passage) -> int:
    return at.shapes[1].shape[-2] if len(at.shapes[1].shape) > 1 else 1


def logits(at: Passage) -> float:
    """Second moment of fused attention's logits."""
    query, key = at.incoming[0], at.incoming[1]
    return at.shapes[0].shape[-1] * float(at.node.options["scale"]) ** 2 * query.value * key.value


def forward(at: Passage) -> Signal | None:
    """Values averaged by weights of participation p: q_v·(c + (1 − c)·p), c the cosine between two positions' values.

    A bias of the logits is left out: it may be a mask, and what makes one of positions is smooth, so that it differs far less within a row than
    in all.
    """
    if len(at.incoming) != 3:
        return None
    return averaged(at.incoming[2], _share(at), overlap(_size(at), causal=bool(at.node.options.get("causal"))))


def _share(at: Passage) -> float:
    key = at.incoming[1]
    return participation(logits(at) * (1.0 - key.c), _size(at), causal=bool(at.node.options.get("causal")))


def backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """Values get the mean of what they were averaged into; queries and keys what moves the weights, differences of values."""
    if len(at.incoming) != 3:
        return [gradient for _ in at.incoming]
    query, key, values = at.incoming
    share, width, scale = _share(at), at.shapes[0].shape[-1], float(at.node.options["scale"])
    rows, columns = at.shapes[0].shape[-2], _size(at)
    groups = at.read(0) / rows / max(at.read(1) / columns, 1)  # grouped queries share a key
    moved = sensitivity(logits(at) * (1.0 - key.c), columns, causal=bool(at.node.options.get("causal")))
    weights = gradient.times(moved / columns * width * values.q * apart(values.c))  # of a logit, per entry
    to_query = weights.times(columns * scale**2 * key.q * apart(key.c))
    to_key = weights.times(rows * groups * scale**2 * query.q)
    own = gradient.c + (1.0 - gradient.c) * share
    alike = (gradient.c + (1.0 - gradient.c) * min(overlap(rows, causal=bool(at.node.options.get("causal"))), share)) / own
    back = [replace(to_query, c=0.0), replace(to_key, c=0.0), Gradient(gradient.g * groups * rows / columns * own, min(alike, 1.0))]
    if at.bias is None:
        return back
    copies = at.read(0) / width * columns / max(prod(at.bias.shape), 1)  # one bias for all samples sums over them
    return [*back, Gradient(weights.g * copies)]


FLOWS = {
    "kind:attention": Flow(forward, backward),
    "kind:softmax": Flow(softmax_forward, softmax_backward),
    "gumbel_softmax": Flow(gumbel_forward, gumbel_backward),
}
