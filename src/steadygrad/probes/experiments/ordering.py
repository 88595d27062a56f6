"""Do the answers of a network with attention know in which order the tokens come?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.graph.trace import call_model
from steadygrad.probes.experiments.exchange import change, noise
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session

SAMPLES = 4
SHORTEST = 4


@dataclass(frozen=True)
class Ordering:
    """What becomes of the answers when all tokens change places in the same way.

    Fields:
        change: rms of the difference, answers of places put back where they were, over that of the answers; 0 where it may be rounding.
        where: module path of the first attention.
    """

    change: float
    where: str


class OrderingExperiment:
    """Two forward passes of four samples; only where attention reads tokens."""

    name: ClassVar[str] = "ordering"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """For somebody's own batch, of which one input is whole numbers of shape (samples, places), and the others at most masks of them."""
        traced = session.traced
        return traced is not None and session.own_batch and _places(session) is not None and next(_attentions(traced.graph), None) is not None

    def run(self, session: Session) -> Ordering | None:
        """None where four samples cannot be run, or nothing comes out that can be compared."""
        places = _places(session)
        assert places is not None and session.traced is not None  # applies() looked
        order = torch.randperm(places, generator=torch.Generator().manual_seed(SEED))
        try:
            with session.evaluating(), torch.no_grad():
                straight, turned = (_answers(session, places, given) for given in (None, order))
                back = [t[:, order.to(t.device)] if t.ndim > 2 and t.shape[1] == places else t for t in straight]
                moved = change(back, turned)
        except Exception:  # a fixed batch size, places that are looked up by a table of their own
            return None
        if moved is None:
            return None
        return Ordering(0.0 if moved <= noise(straight) else moved, next(_attentions(session.traced.graph)).where)


def _attentions(graph: SignalGraph) -> Iterator[Node]:
    """Fused ones, and softmaxes over scores, which are products."""
    for node in graph.nodes:
        if node.kind == "attention" or (node.kind == "softmax" and any(graph.nodes[i].kind == "contract" for i in graph.ancestors(node.index))):
            yield node


def _places(session: Session) -> int | None:
    """How many tokens a sample has; None unless one input tells, different tokens are in it, and nothing else may hold their order."""
    inputs = [t for _, t in named_tensors(session.case.inputs)]
    tokens = [t for t in inputs if t.ndim == 2 and not t.is_floating_point() and not _is_mask(t)]
    if len(tokens) != 1 or len(tokens[0]) < SAMPLES or tokens[0].shape[1] < SHORTEST or bool((tokens[0] == tokens[0][:, :1]).all()):
        return None
    others = [t for t in inputs if t is not tokens[0]]
    return tokens[0].shape[1] if all(t.shape == tokens[0].shape and _is_mask(t) for t in others) else None


def _is_mask(tensor: torch.Tensor) -> bool:
    return tensor.dtype == torch.bool or bool(((tensor == 0) | (tensor == 1)).all())


def _answers(session: Session, places: int, order: torch.Tensor | None) -> list[torch.Tensor]:
    def given(tensor: torch.Tensor) -> torch.Tensor:
        few = tensor[:SAMPLES]
        return few if order is None else few[:, order.to(tensor.device)]

    torch.manual_seed(SEED)
    return [t for _, t in named_tensors(call_model(session.model, mapped(session.case.inputs, given))) if t.is_floating_point() and t.ndim]
