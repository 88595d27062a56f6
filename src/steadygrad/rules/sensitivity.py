"""How a small difference between two inputs grows on its way through the blocks, beside the signal itself."""

import math
from typing import NamedTuple

from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.jacobian import BlockSpectrum, Jacobians


class Growth(NamedTuple):
    """A stretch of blocks: what a relative difference is multiplied by, over all of them and per block."""

    blocks: list[BlockSpectrum]
    total: float

    @property
    def per_block(self) -> float:
        """Geometric mean."""
        return self.total ** (1.0 / max(len(self.blocks), 1))


def normalized(evidence: Evidence, block: BlockSpectrum) -> bool:
    """Whether a batch norm with statistics of the batch stands in the block and no skip connection goes around it."""
    nodes = evidence.graph.nodes[block.start + 1 : block.end + 1]
    return any(n.op == "batch_norm" and n.options.get("training") for n in nodes) and not any(n.kind == "join" for n in nodes)


def growths(evidence: Evidence) -> tuple[Growth, Growth]:
    """Over the plain batch-normalized blocks, and over all others; scaled up where only some of the blocks were measured."""
    found = evidence.experiments.get("jacobian")
    if not isinstance(found, Jacobians) or not found.blocks:
        return Growth([], 1.0), Growth([], 1.0)
    share = found.found / len(found.blocks)
    made = []
    for wanted in (True, False):
        chosen = [b for b in found.blocks if normalized(evidence, b) == wanted]
        logs = [math.log(b.spectrum.chaos) for b in chosen if b.spectrum.chaos > 0.0]
        made.append(Growth(chosen, math.exp(min(share * math.fsum(logs), 700.0))))
    return made[0], made[1]
