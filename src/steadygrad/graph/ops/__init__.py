"""One file per family of ops; each exports `OPS`: base name of the torch function → how to describe a call of it.

To teach the trace a new op, add its name to the family it belongs to, or one file and one line here. Whatever is named
nowhere becomes an opaque node: it is still measured, and every report names it.
"""

from steadygrad.graph.ops import (
    activation,
    affine,
    arithmetic,
    attention,
    convolution,
    embedding,
    loss,
    movement,
    norm,
    recurrent,
)
from steadygrad.graph.ops.call import Call, Describe, Operand, Seen
from steadygrad.graph.ops.flow import Flow

OPS: dict[str, Describe] = {}
FLOWS: dict[str, Flow] = {}
for family in (movement, arithmetic, affine, convolution, embedding, recurrent, activation, norm, attention, loss):
    OPS.update(family.OPS)
    FLOWS.update(getattr(family, "FLOWS", {}))


def flow_of(op: str, kind: str) -> Flow | None:
    """What an op does to moments: its own entry, else that of its kind, else None."""
    return FLOWS.get(op) or FLOWS.get(f"kind:{kind}")


__all__ = ["FLOWS", "OPS", "Call", "Describe", "Flow", "Operand", "Seen", "flow_of"]
