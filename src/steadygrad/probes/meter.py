"""The observer that measures: one pass over each op's result, and one over its gradient when that comes by."""

import math
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from steadygrad.graph.ops import Call
from steadygrad.graph.signal_graph import Node
from steadygrad.graph.storage import numbers, replaceable
from steadygrad.probes import statistics
from steadygrad.probes.statistics import Raw, Reading
from steadygrad.theory import activations, maps
from steadygrad.theory.activation import SEARCH

UNMEASURED = {"view", "dropout"}
DETAILED = {"affine", "activation", "norm", "join", "attention", "contract", "opaque", "softmax", "pool"}
TINY = 1e-6


@lru_cache(maxsize=256)
def saturation_range(op: str, options: tuple[tuple[str, Any], ...]) -> tuple[float | None, float | None]:
    """Output values of φ beyond which |φ′| is below 1 % of its maximum; (None, None) when φ does not saturate so.

    Read off the output, because an in-place activation has overwritten its input. Only sides on which φ levels off at
    values that it takes nowhere else count: rectifiers are not saturated, they are off, which is counted as zeros.
    """
    try:
        phi = activations.get(op, **dict(options))
        if phi.homogeneous:
            return None, None
        low, high = maps.saturation_threshold(phi)
    except (LookupError, TypeError, ValueError):
        return None, None
    left = float(phi.phi(low)) if math.isfinite(low) else None
    right = float(phi.phi(high)) if math.isfinite(high) else None
    between = phi.phi(np.linspace(max(low, -SEARCH), min(high, SEARCH), 4001))
    off = left is not None and max(abs(left), abs(float(phi.phi(0.0)))) < TINY
    if left is not None and (off or between.min() < left - TINY):  # GELU, SiLU, Mish dip: such values come from steep places too
        left = None
    if right is not None and between.max() > right + TINY:
        right = None
    if left is not None and right is not None and not left < right:
        return None, None
    return left, right


def aspects(node: Node, tensor: torch.Tensor, detail: str, batch_size: int | None) -> dict[str, Any]:
    """What to `statistics.take` of a node's result, as keyword arguments."""
    if detail == "moments" or node.kind not in DETAILED:
        return {"magnitudes": detail != "moments"}
    low, high = (None, None)
    if node.kind == "activation":
        low, high = saturation_range(node.op, tuple(sorted(node.options.items())))
    axis = node.unit_axis
    if not replaceable(tensor):  # sparse or jagged: the stored values have axes of their own
        tensor, axis = numbers(tensor), None
    if axis is None and tensor.ndim:
        axis = 1 if tensor.ndim >= 4 else tensor.ndim - 1
    batch = detail == "full" and tensor.ndim > 1 and tensor.shape[0] == batch_size
    return {"axis": axis, "low": low, "high": high, "samples": batch}


def look(tensor: torch.Tensor, what: dict[str, Any]) -> Raw:
    """`statistics.take` of a node's result; of a sparse or jagged one the stored values."""
    return statistics.take(tensor if replaceable(tensor) else numbers(tensor), **what)


def look_outside(tensor: torch.Tensor, magnitudes: bool) -> Raw:
    """The same without units, for what the kernel cannot read where it lies."""
    return look(tensor, {"magnitudes": magnitudes})


@dataclass
class Gradients:
    """Asks results for their gradients and reads each one when it comes by.

    `found` has one raw reading per node; `first_nonfinite` is the node of the first gradient, in the order of the
    backward pass, that was not finite.
    """

    magnitudes: bool
    found: dict[int, Raw] = field(default_factory=dict)
    first_nonfinite: int | None = None
    handles: list[Any] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)

    def ask(self, index: int, tensor: torch.Tensor) -> None:
        """Read the gradient of `tensor`, node `index`'s result, once it is known."""
        self.asked.add(index)
        self.handles.append(tensor.register_hook(partial(self._came, index)))

    def _came(self, index: int, gradient: torch.Tensor) -> None:
        with torch._C.DisableTorchFunction():  # hooks run with the modes of the backward pass on
            if not gradient.numel():
                return
            raw = self.found[index] = statistics.elements(gradient, self.magnitudes)
        if self.first_nonfinite is None and raw.odd:
            self.first_nonfinite = index

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self.handles:
            handle.remove()
        self.handles.clear()


class Meter:
    """Collects readings; see `steadygrad.graph.tracer.Observer`.

    Args:
        detail: "full" reads units, samples and magnitudes too; "moments" only the five scalars.
        batch_size: first-axis length that means samples.
    """

    def __init__(self, detail: str = "full", batch_size: int | None = None) -> None:
        self.detail = detail
        self.batch_size = batch_size
        self.signals: dict[int, Raw] = {}
        self.gradients = Gradients(detail != "moments")
        self.first_nonfinite: int | None = None
        self._measured: set[int] = set()
        self._deliberate: set[int] = set()

    def produced(self, node: Node, tensor: torch.Tensor, call: Call) -> None:
        """Read the result; ask for its gradient."""
        if node.kind in UNMEASURED:
            self._deliberate.update({node.index} if self._deliberate.intersection(node.inputs) else ())
            return
        self._measured.add(node.index)
        if not tensor.numel():
            return
        raw = self.signals[node.index] = look(tensor, aspects(node, tensor, self.detail, self.batch_size))
        if raw.odd and self.first_nonfinite is None:
            if _deliberate(node, raw.reading(), call, self._deliberate):
                self._deliberate.add(node.index)
            else:
                self.first_nonfinite = node.index
        if tensor.requires_grad:
            self.gradients.ask(node.index, tensor)

    def consumed(self, index: int, tensor: torch.Tensor) -> None:
        """Results of custom autograd functions get their gradient function late: ask when they are read."""
        if index in self._measured and index not in self.gradients.asked and tensor.requires_grad:
            self.gradients.ask(index, tensor)

    def close(self) -> None:
        """Remove the gradient hooks."""
        self.gradients.close()


def _deliberate(node: Node, reading: Reading, call: Call, before: set[int]) -> bool:
    """Whether infinities were written on purpose: a mask's fill, or a constant (mask) that has them already."""
    moments = reading.moments
    if moments.nan or moments.count == moments.nonfinite:
        return False
    if before.intersection(node.inputs):
        return True
    if isinstance(node.options.get("fill"), float) and not math.isfinite(node.options["fill"]):
        return True
    constants = [t for t in call.sides()[2] if t.is_floating_point()]
    return node.kind in ("pointwise", "join", "shift") and any(not torch.isfinite(t).all() for t in constants)
