"""Fused attention and softmax."""

import torch

from steadygrad.graph.ops.call import Call, Seen


def attention(call: Call) -> Seen:
    """`F.scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal, scale)`."""
    query, key, value = (call.get(i, name) for i, name in enumerate(("query", "key", "value")))
    scale = call.kwargs.get("scale")
    options = {
        "scale": float(scale) if isinstance(scale, int | float) else float(query.shape[-1]) ** -0.5,
        "causal": bool(call.get(5, "is_causal", False)),
        "masked": isinstance(call.get(3, "attn_mask"), torch.Tensor),
        "dropout": call.get(4, "dropout_p", 0.0),
    }
    return Seen("attention", "attention", [query, key, value], options=options, starts=True)


def softmax(call: Call) -> Seen:
    """`softmax`, `log_softmax`, `softmin` over one axis."""
    x = call.get(0, "input")
    dim = call.get(1, "dim")
    size = x.shape[dim] if isinstance(dim, int) and x.ndim else None
    return Seen(call.name, "softmax", [x], options={"dim": dim, "size": size})


OPS = {
    "scaled_dot_product_attention": attention,
    "softmax": softmax,
    "log_softmax": softmax,
    "softmin": softmax,
    "special_softmax": softmax,
    "special_log_softmax": softmax,
}
