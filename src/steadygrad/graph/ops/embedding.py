"""Lookups in a learned table."""

from steadygrad.graph.fans import embedding_fans
from steadygrad.graph.ops.call import Call, Operand, Seen
from steadygrad.graph.ops.flow import Flow, Gradient, Passage, Signal


def embedding(call: Call) -> Seen:
    """`F.embedding(ids, table)` and `F.embedding_bag(ids, table)`; rows are copied, so fan_in is 1 but for bags."""
    first, second = call.get(0, "input"), call.get(1, "weight")
    ids, table = (second, first) if first.is_floating_point() and not second.is_floating_point() else (first, second)
    output = call.output[0] if isinstance(call.output, tuple) else call.output
    each = ids.numel() / max(output.numel() / table.shape[-1], 1.0)
    mode = call.kwargs.get("mode", "mean") if call.name == "embedding_bag" else "copy"
    fans = embedding_fans(table.shape, {"sum": each, 0: each, "mean": 1.0 / max(each, 1.0), 1: 1.0 / max(each, 1.0)}.get(mode, 1.0))
    options = {"padding_idx": call.kwargs.get("padding_idx"), "rows": table.shape[0]}
    return Seen(call.name, "affine", [ids], [Operand(table, "table", fans, 1)], options, output.ndim - 1, starts=True)


OPS = {"embedding": embedding, "embedding_bag": embedding}


def forward(at: Passage) -> Signal:
    """Rows are copied, or summed in bags: different tokens are independent."""
    table = at.node.uses[0]
    return Signal(at.moment(table) * (table.fans.fan_in if table.fans else 1.0))


def backward(at: Passage, made: Signal, gradient: Gradient) -> list[Gradient | None]:
    """Indices have no gradient."""
    return [None for _ in at.incoming]


FLOWS = {"embedding": Flow(forward, backward), "embedding_bag": Flow(forward, backward)}
