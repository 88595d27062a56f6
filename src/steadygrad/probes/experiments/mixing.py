"""Does a sample's answer depend on which other samples share its batch? Every second one is exchanged for another.

In eval mode, on at most four samples, where axis 0 can only be the samples: of a sequence that stands for itself, time is
axis 0, and there earlier entries are meant to change later ones.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.graph.signal_graph import SignalGraph
from steadygrad.graph.trace import call_model
from steadygrad.probes.experiments.exchange import compared
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session

KEPT, EXCHANGED = (0, 2), (1, 3)
ALONG_AXIS_0 = ("recurrent", "attention", "conv")
"""What reads neighbours; of two-dimensional inputs it may read axis 0 as time."""


@dataclass(frozen=True)
class Mixing:
    """What the answers to samples 0 and 2 do when samples 1 and 3 are exchanged.

    Fields:
        change: rms change of their outputs over the outputs' rms; 0 when samples keep apart.
        where: first module whose result changes for them; "" where that happens outside of all modules.
    """

    change: float
    where: str = ""


class MixingExperiment:
    """Two forward passes of four samples; two more where they differ: whether the model repeats itself, and where it begins."""

    name: ClassVar[str] = "mixing"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """For data that somebody gave, whose samples are axis 0 of every tensor and of nothing else."""
        traced, case = session.traced, session.case
        if traced is None or not session.own_batch or case.targets is None:
            return False
        inputs, targets = list(named_tensors(case.inputs)), list(named_tensors(case.targets))
        outputs = [t for _, t in named_tensors(traced.outputs) if t.is_floating_point()]
        sizes = {t.shape[0] if t.ndim else 0 for t in (*(t for _, t in inputs), *(t for _, t in targets), *outputs)}
        if len(sizes) != 1 or min(sizes) < 2 * len(KEPT) + 2 or not inputs or not outputs:
            return False
        return all(_samples_first(t, outputs, traced.graph) for _, t in inputs)

    def run(self, session: Session) -> Mixing | None:
        """None where four samples cannot be run, or where the model does not repeat itself."""
        try:
            with session.evaluating(), torch.no_grad():
                return _compare(session)
        except Exception:  # a fixed batch size, a shape that is computed from it: then it cannot be told
            return None


def _samples_first(tensor: torch.Tensor, outputs: list[torch.Tensor], graph: SignalGraph) -> bool:
    """Whether axis 0 of an input can be nothing but the samples."""
    neighbours = any(node.kind in ALONG_AXIS_0 or node.op.startswith(("lstm", "gru", "rnn", "conv")) for node in graph.nodes)
    numbers = tensor.is_floating_point()  # tokens get an axis of features in the model, so two axes of them are samples and times
    if tensor.ndim < 2 or (tensor.ndim == 2 and neighbours and numbers) or (neighbours and tensor.shape[1] == 1 and tensor.ndim == 3):
        return not neighbours
    return not any(out.ndim > 2 and tensor.ndim < 4 and out.shape[1] == tensor.shape[1] for out in outputs)


def _compare(session: Session) -> Mixing | None:
    found = compared(session.model, _kept, lambda: _answers(session, [0, 1, 2, 3]), lambda: _answers(session, [0, 4, 2, 5]))
    return None if found is None else Mixing(*found)


def _answers(session: Session, rows: list[int]) -> list[torch.Tensor]:
    """Outputs of the model for the samples that are kept."""
    torch.manual_seed(SEED)
    outputs = call_model(session.model, mapped(session.case.inputs, lambda t: t[rows]))
    return [t[list(KEPT)] for _, t in named_tensors(outputs) if t.is_floating_point()]


def _kept(value: Any) -> list[torch.Tensor]:
    """Of the first floating tensor in it, the samples that are kept; [] where it has not one row a sample."""
    first = next((t for _, t in named_tensors(value) if t.is_floating_point()), None)
    return [first.detach()[list(KEPT)]] if first is not None and first.ndim and len(first) == len(KEPT) + len(EXCHANGED) else []
