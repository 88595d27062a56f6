"""Spectra of input–output Jacobians: of every block between two waists of the network, and of the whole."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from steadygrad.errors import ModelError
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.ops import Call
from steadygrad.graph.signal_graph import Node
from steadygrad.graph.trace import call_model, trace
from steadygrad.graph.waists import Block, blocks
from steadygrad.probes.experiments.linear_map import LinearMap, Spectrum
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session

MOST_BLOCKS = 64
NUDGE = 1e-3


@dataclass(frozen=True)
class BlockSpectrum:
    """The Jacobian of one block over the whole batch; `start` and `end` are nodes of the graph."""

    where: str
    start: int
    end: int
    spectrum: Spectrum


@dataclass(frozen=True)
class Jacobians:
    """All that were measured.

    Fields:
        blocks: in order of execution; at most 64, evenly spaced, of `found`.
        whole: from the first waist to the output; None when the network has no two waists.
        found: how many blocks there are.
        contrast: relative difference of the outputs (beside their spread over the batch) when the inputs differ by a
            thousandth; from two forward passes, so it holds also where a backward pass is not the derivative. None
            without floating inputs.
    """

    blocks: tuple[BlockSpectrum, ...] = ()
    whole: Spectrum | None = None
    found: int = 0
    contrast: float | None = None


class JacobianExperiment:
    """One forward pass whose graph is kept, then products with Jᵀ and J, block by block."""

    name: ClassVar[str] = "jacobian"
    depths: ClassVar[tuple[str, ...]] = ("full",)
    cost: ClassVar[str] = "one forward pass with its graph, then 6 to 8 products with JJᵀ per block and for the whole: some 40 backward passes"
    unit: ClassVar[str] = "squared singular values, output units² per input units²"

    def applies(self, session: Session) -> bool:
        """When the model ran and its values were numbers."""
        return session.traced is not None and session.meter.first_nonfinite is None and len(blocks(session.traced.graph)) > 0

    def run(self, session: Session) -> Jacobians:
        """Measure."""
        assert session.traced is not None  # applies() looked
        found = blocks(session.traced.graph)
        chosen = _spread_out(found, MOST_BLOCKS)
        tensors = _values(session, {i for b in chosen for i in (b.start, b.end)} | {found[0].start, found[-1].end})
        measured = []
        for block in chosen:
            spectrum = _spectrum(tensors, block.start, block.end)
            if spectrum is not None:
                measured.append(BlockSpectrum(block.where, block.start, block.end, spectrum))
        whole = _spectrum(tensors, found[0].start, found[-1].end) if len(found) > 1 else None
        del tensors
        return Jacobians(tuple(measured), whole, len(found), _contrast(session))


def _contrast(session: Session) -> float | None:
    inputs = [t for _, t in named_tensors(session.case.inputs) if t.is_floating_point()]
    generator = torch.Generator().manual_seed(SEED)

    def nudged(t: torch.Tensor) -> torch.Tensor:
        if not t.is_floating_point() or not bool(torch.isfinite(t).all()):
            return t
        noise = torch.randn(t.shape, generator=generator).to(t)
        return t.detach() + NUDGE * float(t.detach().float().square().mean().sqrt()) * noise

    moved = mapped(session.case.inputs, nudged)
    if not inputs or moved is None:
        return None
    with torch.no_grad():
        before, after = _outputs(session, session.case.inputs), _outputs(session, moved)
    spread = before - before.mean(0) if before.ndim > 1 else before
    return float((after - before).norm() / spread.norm().clamp_min(1e-30))


def _outputs(session: Session, inputs: Any) -> torch.Tensor:
    session.restart()
    torch.manual_seed(SEED)
    tensors = [t for _, t in named_tensors(call_model(session.model, inputs)) if t.is_floating_point()]
    return max(tensors, key=torch.Tensor.numel).detach().float()


def _spread_out(found: tuple[Block, ...], most: int) -> list[Block]:
    if len(found) <= most:
        return list(found)
    return [found[round(k * (len(found) - 1) / (most - 1))] for k in range(most)]


def _spectrum(tensors: dict[int, torch.Tensor], start: int, end: int) -> Spectrum | None:
    x, y = tensors.get(start), tensors.get(end)
    if x is None or y is None or not x.requires_grad or not y.requires_grad or x is y:
        return None
    return LinearMap(x, y).spectrum()


@dataclass
class _Keeper:
    """An observer that keeps the results of some nodes."""

    wanted: set[int]
    kept: dict[int, torch.Tensor] = field(default_factory=dict)

    def produced(self, node: Node, tensor: torch.Tensor, call: Call) -> None:
        """Keep it."""
        if node.index in self.wanted:
            self.kept[node.index] = tensor

    def consumed(self, index: int, tensor: torch.Tensor) -> None:
        """Custom autograd functions are differentiable only once they have returned: keep what is read."""
        if index in self.wanted:
            self.kept[index] = tensor


def _values(session: Session, wanted: Iterable[int]) -> dict[int, torch.Tensor]:
    """Live values of these nodes from one more run, differentiable with respect to each other and to the inputs."""
    keeper = _Keeper(set(wanted))
    inputs: Any = mapped(session.case.inputs, lambda t: t.detach().requires_grad_(True).clone() if t.is_floating_point() else t)
    inputs = session.case.inputs if inputs is None else inputs
    torch.manual_seed(SEED)
    with sdpa_kernel(SDPBackend.MATH):
        traced = trace(session.model, inputs, observer=keeper)
    for (_, tensor), node in zip(named_tensors(inputs, "inputs"), traced.graph.nodes, strict=False):
        if node.index in keeper.wanted:
            keeper.kept[node.index] = tensor
    assert session.traced is not None
    first, second = ([n.op for n in graph.nodes][: max(keeper.wanted) + 1] for graph in (session.traced.graph, traced.graph))
    if first != second:
        raise ModelError(f"the model ran other ops the second time: {len(first)} at first, then {len(second)}")
    return keeper.kept
