"""Which dropout stays on in eval mode?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.graph.trace import trace
from steadygrad.graph.wrappers import canonical
from steadygrad.probes.experiments.mode_gap import DROPOUTS
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session

SAMPLES = 2
FOLLOWING = (*DROPOUTS, nn.MultiheadAttention)
"""Layers that follow the mode by themselves."""


@dataclass(frozen=True)
class Lasting:
    """An op that drops in eval mode.

    Fields:
        where: module path.
        op: its name.
        p: share that it drops.
    """

    where: str
    op: str
    p: float


class LastingDropoutExperiment:
    """A forward pass of two samples in eval mode, where something other than a dropout layer drops in train mode."""

    name: ClassVar[str] = "lasting-dropout"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """In train mode, for dropout by a function or inside fused attention; layers follow their mode."""
        traced = session.traced
        if session.mode != "train" or traced is None or traced.failure:
            return False
        dropping = {node.where for node, _ in _dropping(traced.graph)}
        return bool(dropping) and not dropping <= {canonical(path) for path, module in session.model.named_modules() if isinstance(module, FOLLOWING)}

    def run(self, session: Session) -> tuple[Lasting, ...]:
        """In order of execution; () where the model does not run in eval mode."""
        few = mapped(session.case.inputs, lambda t: t[:SAMPLES] if t.ndim else t)
        graph = _evaluated(session, few) or _evaluated(session, session.case.inputs)
        return () if graph is None else tuple(Lasting(node.where, node.op, p) for node, p in _dropping(graph) if node.where != "loss")


def _evaluated(session: Session, inputs: Any) -> SignalGraph | None:
    """What runs in eval mode; None where that fails, as with a fixed number of samples: what train mode has shown stands."""
    try:
        with session.evaluating(), torch.no_grad():
            torch.manual_seed(SEED)
            return trace(session.model, inputs).graph
    except Exception:
        return None


def _dropping(graph: SignalGraph) -> Iterator[tuple[Node, float]]:
    """Ops that drop now, and how much."""
    for node in graph.nodes:
        drops = node.kind == "dropout" and node.options.get("training")
        p = node.options.get("dropout") if node.kind == "attention" else node.options.get("p") if drops else 0.0
        if isinstance(p, int | float) and p > 0.0:
            yield node, float(p)
