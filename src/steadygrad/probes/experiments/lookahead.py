"""Do answers along a sequence see the entries that come after them, where those are what is to be predicted?"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.trace import call_model
from steadygrad.probes.experiments.exchange import compared
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.experiments.slopes import output_slopes
from steadygrad.probes.session import SEED, Session

ROWS, SHORTEST = 4, 4
IGNORED = -100
"""`ignore_index` of torch's losses: places without a target."""


@dataclass(frozen=True)
class Lookahead:
    """What answers do when all later entries are exchanged for those of another sequence.

    Fields:
        asked: "next" where the target of a place is the entry after it (shifted in the data, or by a loss that reads no answer at
            the last place), "same" where it is the entry itself.
        change: rms change of the answers before the exchanged entries over their rms; 0 when they see none of them.
        where: first module whose result changes for them; "" where that happens outside of all modules.
    """

    asked: Literal["next", "same"]
    change: float
    where: str = ""


class LookaheadExperiment:
    """Two forward passes of four sequences, two more where they differ; only where the targets are the inputs, moved by one place or not."""

    name: ClassVar[str] = "lookahead"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """For somebody's own sequences, whose targets are their own entries."""
        if not session.own_batch:
            return False
        found = _asked(session)
        return found is not None and _time_axis(session, found[1]) is not None

    def run(self, session: Session) -> Lookahead | None:
        """None where four sequences cannot be run, or where the model does not repeat itself."""
        found = _asked(session)
        assert found is not None  # applies() looked
        asked, sequences = found
        axis = _time_axis(session, sequences)
        assert axis is not None
        try:
            with session.evaluating(), torch.no_grad():
                if asked == "same" and _spares_the_last(session, axis):
                    asked = "next"
                return _compare(session, asked, sequences, axis)
        except Exception:  # a fixed batch size: then it cannot be told
            return None


def _asked(session: Session) -> tuple[Literal["next", "same"], torch.Tensor] | None:
    """How the targets go back to one of the inputs, and that input; None where they do not."""
    inputs, targets = ([t for _, t in named_tensors(value)] for value in (session.case.inputs, session.case.targets))
    if len(targets) != 1:
        return None
    y = targets[0]
    for x in inputs:
        if x.ndim < 2 or x.shape != y.shape or x.is_floating_point() != y.is_floating_point() or len(x) < ROWS or x.shape[1] < SHORTEST:
            continue
        if bool((x[:, 1:] == x[:, :-1]).float().mean() > 0.5):  # of entries that repeat nobody can tell which is meant
            continue
        if not x.is_floating_point() and _equal(x, y):  # numbers that are given back are an autoencoder's
            return "same", x
        if _equal(x[:, 1:], y[:, :-1]):
            return "next", x
    return None


def _equal(x: torch.Tensor, y: torch.Tensor) -> bool:
    there = y != IGNORED
    return bool(there.any()) and bool((x == y)[there].all())


def _time_axis(session: Session, x: torch.Tensor) -> int | None:
    """The axis of the only output that is as long as the sequences; None where there is none, or more than one."""
    assert session.traced is not None
    outputs = [t for _, t in named_tensors(session.traced.outputs) if t.is_floating_point()]
    if len(outputs) != 1 or len(outputs[0]) != len(x):
        return None
    axes = [a for a in range(1, outputs[0].ndim) if outputs[0].shape[a] == x.shape[1]]
    return axes[0] if len(axes) == 1 else None


def _spares_the_last(session: Session, axis: int) -> bool:
    """Whether the loss reads no answer at the last place, and some before it: then it moves the targets itself."""
    slope = next((slope for _, slope in output_slopes(session)), None)
    return slope is not None and not bool(slope.select(axis, -1).any()) and bool(slope.any())


def _compare(session: Session, asked: Literal["next", "same"], x: torch.Tensor, axis: int) -> Lookahead | None:
    early = x.shape[1] // 2
    first, second = x[:ROWS], x[:ROWS].clone()
    second[:, early:] = first.roll(1, 0)[:, early:]

    def answers(sequences: torch.Tensor) -> list[torch.Tensor]:
        torch.manual_seed(SEED)
        inputs = mapped(session.case.inputs, lambda t: sequences if t is x else t[:ROWS] if t.ndim and len(t) == len(x) else t)
        return [t.narrow(axis, 0, early) for _, t in named_tensors(call_model(session.model, inputs)) if t.is_floating_point()]

    def kept(value: Any) -> list[torch.Tensor]:
        """Of the first floating tensor in it, the early places; [] where axis 1 is not the places."""
        found = next((t for _, t in named_tensors(value) if t.is_floating_point()), None)
        return [found.detach()[:, :early]] if found is not None and found.ndim > 1 and found.shape[:2] == (ROWS, x.shape[1]) else []

    found = compared(session.model, kept, lambda: answers(first), lambda: answers(second))
    return None if found is None else Lookahead(asked, *found)
