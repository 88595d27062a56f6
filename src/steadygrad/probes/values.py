"""The values of a known graph: read again in every step, without finding out again what the model does.

Structure is traced once (`trace`), with a `Meter` looking on. Afterwards a `Values` reads the same results, gradients,
weights and weight gradients while the model runs: one call of the kernel each, no copies, nothing decoded until
somebody asks. Readings are those of the trace, bit for bit, when the numbers are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from steadygrad.graph.replay import Replay
from steadygrad.graph.trace import Traced
from steadygrad.probes import statistics
from steadygrad.probes.meter import Gradients, Meter, aspects, look
from steadygrad.probes.parameters import unit_axes
from steadygrad.probes.statistics import Raw, Reading


class Values:
    """Reads what a meter read in the trace.

    Args:
        traced, meter: the structure, and who measured it.
        parameters: canonical name → live parameter.
        detail: "moments" for the five scalars, "units" for units and magnitudes too, "full" for samples as well.

    Attributes:
        signals, gradients: node index → raw reading of the last step.
        unseen: nodes that are made out of sight of torch functions (TorchScript, extensions): only a trace reads them.

    Example:
        >>> from steadygrad.graph.trace import trace
        >>> net, x, meter = nn.Linear(3, 2), torch.ones(4, 3), Meter()
        >>> values = Values(trace(net, x, observer=meter), meter, dict(net.named_parameters()))
        >>> with values.forward():
        ...     loss = net(x).sum()
        >>> loss.backward()
        >>> values.gradient(1).moments.q
        1.0
    """

    def __init__(self, traced: Traced, meter: Meter, parameters: Mapping[str, nn.Parameter], *, detail: str = "moments") -> None:
        wanted = frozenset(meter.signals)
        self.signals: dict[int, Raw] = {}
        self._gradients = Gradients(detail != "moments")
        self.unseen = tuple(sorted(wanted.difference(index for _, index in traced.script)))
        self._nodes = traced.graph.nodes
        self._detail, self._batch_size = detail, meter.batch_size
        self._aspects: dict[int, dict[str, Any]] = {}
        self._asked = frozenset(meter.gradients.asked)
        self._late: list[tuple[int, torch.Tensor]] = []
        self._parameters = parameters
        self._axes = unit_axes(traced.graph) if detail != "moments" else {}
        self._replay = Replay(traced.script, wanted, self._produced)

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Run the model and its loss inside; the backward pass comes after. Forgets the step before."""
        self._gradients.close()
        self.signals, self._gradients = {}, Gradients(self._gradients.magnitudes)
        self._replay.restart()
        try:
            with self._replay:
                yield
        finally:
            self._late.clear()

    @property
    def departed(self) -> str:
        """Where the model did something else than when it was traced, so that the rest was not read; "" if nowhere."""
        return self._replay.departed or ("" if self._replay.finished else "fewer ops ran")

    @property
    def gradients(self) -> Mapping[int, Raw]:
        """Node index → raw reading of the gradient of its result."""
        return self._gradients.found

    def signal(self, index: int) -> Reading:
        """The reading of a node's result."""
        return self.signals[index].reading()

    def gradient(self, index: int) -> Reading:
        """The reading of the gradient of a node's result."""
        return self._gradients.found[index].reading()

    def parameters(self, gradients: Mapping[str, torch.Tensor | None] | None = None) -> dict[str, tuple[Raw, Raw | None]]:
        """Canonical name → raw readings of value and gradient; gradients are `.grad` unless given."""
        magnitudes = self._detail != "moments"
        found = {}
        for name, parameter in self._parameters.items():
            gradient = parameter.grad if gradients is None else gradients.get(name)
            axis = self._axes.get(name) if parameter.ndim > 1 else None
            value = statistics.take(parameter, axis, magnitudes=magnitudes, rows=axis is not None)
            found[name] = value, None if gradient is None else statistics.take(gradient, magnitudes=magnitudes)
        return found

    def _produced(self, index: int, tensor: torch.Tensor) -> None:
        while self._late:  # custom autograd functions: their results got a gradient function meanwhile
            self._ask(*self._late.pop())
        what = self._aspects.get(index)
        if what is None:
            what = self._aspects[index] = aspects(self._nodes[index], tensor, self._detail, self._batch_size)
        self.signals[index] = look(tensor, what)
        if index not in self._asked:
            return
        if tensor.requires_grad:
            self._gradients.ask(index, tensor)
        else:
            self._late.append((index, tensor))

    def _ask(self, index: int, tensor: torch.Tensor) -> None:
        if tensor.requires_grad:
            self._gradients.ask(index, tensor)
