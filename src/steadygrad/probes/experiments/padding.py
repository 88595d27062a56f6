"""Which places does attention ignore, beside those that only fill up sequences?"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import nn

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.ops import Call
from steadygrad.graph.signal_graph import Node
from steadygrad.graph.trace import trace
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session

SAMPLES, SHORTEST = 8, 4
HIDDEN = -1e4
"""What is added to scores from here down leaves nothing of a place."""


@dataclass(frozen=True)
class Padding:
    """The first attention that ignores places, whoever asks, of those that may look somewhere and not everywhere.

    Fields:
        filler: token that fills up.
        ignored: what is ignored: exactly the "filler", exactly the "tokens" that are none, or "other" places.
        where: module path.
        lengths: tokens before the filler of the samples that were looked at.
    """

    filler: int
    ignored: Literal["filler", "tokens", "other"]
    where: str
    lengths: tuple[int, ...]


class PaddingExperiment:
    """One forward pass in eval mode of at most eight samples that are filled up; only where attention reads tokens that are."""

    name: ClassVar[str] = "padding"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """For somebody's own batch with one input of whole numbers, (samples, places), some of whose rows end or begin in a filler."""
        traced = session.traced
        return traced is not None and session.own_batch and any(_attends(node) for node in traced.graph.nodes) and _filled(session) is not None

    def run(self, session: Session) -> Padding | None:
        """None where nothing is ignored, or where those samples cannot be run by themselves."""
        found = _filled(session)
        assert found is not None  # applies() looked
        tokens, filler = found
        partly = (tokens == filler).any(1).nonzero().flatten()[:SAMPLES]
        filled = tokens[partly] == filler
        watch = _Ignored(filled.shape)
        try:
            with session.evaluating(), torch.no_grad():
                torch.manual_seed(SEED)
                trace(session.model, mapped(session.case.inputs, lambda t: t[partly.to(t.device)] if t.ndim and len(t) == len(tokens) else t), observer=watch)
        except Exception:  # a fixed batch size
            return None
        for where, ignored in watch.found:
            if bool(ignored.any()):
                same, opposite = bool((ignored == filled).all()), bool((ignored == ~filled).all())
                lengths = tuple(int(n) for n in (~filled).sum(1))
                return Padding(filler, "filler" if same else "tokens" if opposite else "other", where, lengths)
        return None


@dataclass
class _Ignored:
    """Reads, at every attention over places of this (samples, places), which of them no query looks at."""

    shape: torch.Size
    found: list[tuple[str, torch.Tensor]] = field(default_factory=list)

    def produced(self, node: Node, tensor: torch.Tensor, call: Call) -> None:
        """Fused attention tells by its mask, a softmax by what comes out as exactly 0."""
        if node.kind == "attention":
            mask = call.get(3, "attn_mask")
            unseen = None if not isinstance(mask, torch.Tensor) else ~mask if mask.dtype == torch.bool else mask <= HIDDEN
        else:
            unseen = tensor == 0 if node.kind == "softmax" and not node.op.startswith("log") and _last(node, tensor) else None
        if unseen is None or unseen.ndim < 2 or unseen.shape[-1] != self.shape[1]:
            return
        samples, places = self.shape
        if len(unseen) % samples == 0 and unseen.ndim > 2:  # heads may be counted with the samples
            queries = unseen.reshape(samples, -1, places)
            choosing = queries.any(2, keepdim=True) & ~queries.all(2, keepdim=True)  # one that may look nowhere looks everywhere, or is NaN
            self.found.append((node.where, ((queries | ~choosing).all(1) & choosing.any(1)).cpu()))

    def consumed(self, index: int, tensor: torch.Tensor) -> None:
        """Nothing to see here."""


def _last(node: Node, tensor: torch.Tensor) -> bool:
    return node.options.get("dim") in (-1, tensor.ndim - 1)


def _attends(node: Node) -> bool:
    return node.kind in ("attention", "softmax")


def _filled(session: Session) -> tuple[torch.Tensor, int] | None:
    """The first tokens that are filled up, and by what: one number with which rows end, or begin, and that is nowhere else."""
    told = {module.padding_idx for module in session.model.modules() if isinstance(module, nn.Embedding) and module.padding_idx is not None}
    for _, tensor in named_tensors(session.case.inputs):
        if tensor.ndim != 2 or tensor.is_floating_point() or tensor.shape[1] < SHORTEST or not tensor.numel():
            continue
        x = tensor.cpu()
        if int(x.min()) < 0 or int(x.max()) < 2:  # targets with places to be left out; masks
            continue
        for edge in (x, x.flip(1)):
            filler = int(edge[:, -1].mode().values)
            run = (edge == filler).long()
            ordered = bool((run[:, 1:] >= run[:, :-1]).all()) and not bool(run[:, 0].any())
            if ordered and int((run.sum(1) > 1).sum()) > 1 and (not told or filler in told):
                return x, filler
    return None
