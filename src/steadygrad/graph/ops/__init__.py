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

OPS: dict[str, Describe] = {}
for family in (movement, arithmetic, affine, convolution, embedding, recurrent, activation, norm, attention, loss):
    OPS.update(family.OPS)

__all__ = ["OPS", "Call", "Describe", "Operand", "Seen"]
