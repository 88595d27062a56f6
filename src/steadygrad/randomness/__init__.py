"""Every random number as a pure function of (seed, tensor name, element index).

`law`, `structured` and `composed` say what to draw; `philox` and `stream` make 32-bit words, `quantile` turns them into normal
values in integer arithmetic, `householder` into orthogonal matrices, `assembly` puts laws together, and `backends` put the
independent ones into arrays. The NumPy code is the definition; other backends give the same bits. Global random generators
are never read or advanced.
"""

from steadygrad.randomness.composed import Blocks, Computed, Each, Repeated, Table, blocks, each, repeated, table
from steadygrad.randomness.law import Fans, Independent, Law, constant, normal, rademacher, truncated_normal, uniform
from steadygrad.randomness.structured import Dirac, Orthogonal, Sparse, delta_orthogonal, dirac, identity, orthogonal, sparse

__all__ = [
    "Blocks", "Computed", "Dirac", "Each", "Fans", "Independent", "Law", "Orthogonal", "Repeated", "Sparse", "Table", "blocks", "constant",
    "delta_orthogonal", "dirac", "each", "identity", "normal", "orthogonal", "rademacher", "repeated", "sparse", "table", "truncated_normal",
    "uniform",
]  # fmt: skip
