"""Which places, channels or features of the inputs do the outputs read?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.trace import call_model
from steadygrad.probes.backward import forget
from steadygrad.probes.experiments.exchange import change, noise
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session

SAMPLES = 4


@dataclass(frozen=True)
class Unread:
    """Indices along one axis of an input whose entries change no output.

    Fields:
        tensor: name of the input, as the facts of the batch have it.
        axis, length: the axis, and how many of its indices hold entries that differ between samples.
        indices: those of them that are not read.
    """

    tensor: str
    axis: int
    length: int
    indices: tuple[int, ...]


class ReadingExperiment:
    """One pass of four samples and back to the inputs, and two forward where something has no gradient: exchanged for others' there, is anything else?"""

    name: ClassVar[str] = "reading"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """For somebody's own data with at least four samples."""
        inputs = [t for _, t in named_tensors(session.case.inputs)] if session.own_batch else []
        return bool(inputs) and all(t.ndim > 0 and len(t) == len(inputs[0]) >= SAMPLES for t in inputs)

    def run(self, session: Session) -> tuple[Unread, ...]:
        """Per input the axis of which the largest share is not read; () where all is, or where four samples cannot be run."""
        try:
            with session.evaluating():
                return tuple(_unread(session))
        except Exception:  # a fixed batch size, an op without a gradient: then it cannot be told
            return ()


def _unread(session: Session) -> Iterator[Unread]:
    slopes = _slopes(session)
    for name, whole in named_tensors(session.case.inputs, "inputs"):
        slope = slopes.get(id(whole))
        if slope is None or not bool(slope.any()):
            continue
        x = whole[:SAMPLES]
        found = [u for axis in range(1, x.ndim) if (u := _along(name, axis, x, slope)) is not None]
        most = max(found, key=lambda u: len(u.indices) / u.length, default=None)
        if most is not None and _nothing_changes(session, whole, most):
            yield most


def _along(name: str, axis: int, x: torch.Tensor, slope: torch.Tensor) -> Unread | None:
    """Indices along an axis whose entries differ between samples and have slope 0 in all of them."""
    others = [a for a in range(x.ndim) if a != axis]
    differ = (x != x[:1]).sum(others) > 0
    silent = (slope != 0).sum([a for a in range(slope.ndim) if a != axis]) == 0
    indices = (differ & silent).nonzero().flatten().tolist()
    return Unread(name, axis, int(differ.sum()), tuple(indices)) if indices else None


def _nothing_changes(session: Session, whole: torch.Tensor, unread: Unread) -> bool:
    """Whether the outputs stay when those entries become another sample's: what a maximum did not choose has no slope, but may be chosen."""
    x, places = whole[:SAMPLES], torch.tensor(unread.indices, device=whole.device)
    other = x.index_copy(unread.axis, places, x.roll(1, 0).index_select(unread.axis, places))
    with torch.no_grad():
        before, after = (_outputs(session, {id(whole): given}) for given in (x, other))
    moved = change(before, after)
    return moved is not None and moved <= noise(before)


def _slopes(session: Session) -> dict[int, torch.Tensor]:
    """id of an input → slope of a random sum of the outputs in each of its entries; of tokens in their embeddings, which have an axis more."""
    cut: dict[int, torch.Tensor] = {}
    for _, t in named_tensors(session.case.inputs):
        if t.is_floating_point():
            cut[id(t)] = t[:SAMPLES].detach().clone().requires_grad_()
    tokens = {id(t): t[:SAMPLES].clone() for _, t in named_tensors(session.case.inputs) if not t.is_floating_point()}
    with torch.enable_grad(), _embedded(session.model, tokens) as embedded:
        outputs = _outputs(session, {**cut, **tokens})
        weights = torch.Generator().manual_seed(SEED)
        total = sum((t * torch.randn(t.shape, generator=weights).to(t)).sum() for t in outputs)
    leaves = {**cut, **embedded}
    if not leaves or not isinstance(total, torch.Tensor) or not total.requires_grad:
        return {}
    forget(session.parameters)  # layers with a backward pass of their own add to `.grad`
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    forget(session.parameters)
    return {key: g for key, g in zip(leaves, found, strict=True) if g is not None}


@contextmanager
def _embedded(model: nn.Module, tokens: dict[int, torch.Tensor]) -> Iterator[dict[int, torch.Tensor]]:
    """id of an input of tokens → what the one embedding that reads it makes, cut off from the table."""
    found: dict[int, torch.Tensor] = {}
    readers: dict[int, int] = {}

    def cut(_: Any, inputs: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor | None:
        key = next((k for k, t in tokens.items() if inputs and inputs[0] is t), None)
        if key is None:
            return None
        readers[key] = readers.get(key, 0) + 1
        found[key] = result.detach().requires_grad_()
        return found[key]

    hooks = [m.register_forward_hook(cut) for m in model.modules() if isinstance(m, nn.Embedding)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
        for key in [k for k, n in readers.items() if n > 1]:
            del found[key]


def _outputs(session: Session, given: dict[int, torch.Tensor]) -> list[torch.Tensor]:
    torch.manual_seed(SEED)
    inputs = mapped(session.case.inputs, lambda t: given.get(id(t), t[:SAMPLES]))
    return [t for _, t in named_tensors(call_model(session.model, inputs)) if t.is_floating_point()]
