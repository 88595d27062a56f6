"""The values of a known graph: read again in every step, without finding out again what the model does.

Structure is traced once (`trace`), with a `Meter` looking on. Afterwards a `Values` reads the same results, gradients,
weights and weight gradients while the model runs: one call of the kernel each, no copies, nothing decoded until
somebody asks. Readings are those of the trace, bit for bit, when the numbers are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from steadygrad.graph.replay import Replay
from steadygrad.graph.signal_graph import SignalGraph
from steadygrad.graph.trace import Traced
from steadygrad.probes import statistics
from steadygrad.probes.gradient_hooks import Hook, attach, detach
from steadygrad.probes.meter import Meter, aspects, look, look_outside
from steadygrad.probes.parameters import unit_axes
from steadygrad.probes.statistics import Raw


class Values:
    """Reads what a meter read in the trace; a context manager, which hooks the parameters while it is open.

    Open it for one step or for many; between steps that are not read it costs nothing when closed.

    A weight is read right after the op that used it, and its gradient the moment the backward pass has it: both still
    lie in the cache then, and fetching all weights from memory once more would cost more than everything else here.

    Args:
        traced, meter: the structure, and who measured it.
        parameters: canonical name → live parameter.
        detail: "moments" for the five scalars, "units" for units and magnitudes too, "full" for samples as well.

    Attributes:
        unseen: nodes that are made out of sight of torch functions (TorchScript, extensions): only a trace reads them.

    Example:
        >>> from steadygrad.graph.trace import trace
        >>> net, x, meter = nn.Linear(3, 2), torch.ones(4, 3), Meter()
        >>> traced = trace(net, x, observer=meter)
        >>> with Values(traced, meter, dict(net.named_parameters())) as values:
        ...     with values.forward():
        ...         loss = net(x).sum()
        ...     loss.backward()
        >>> values.gradients[1].reading().moments.q, values.parameter_gradients["bias"].reading().moments.q
        (1.0, 16.0)
    """

    def __init__(self, traced: Traced, meter: Meter, parameters: Mapping[str, nn.Parameter], *, detail: str = "moments") -> None:
        wanted = frozenset(meter.signals)
        self.unseen = tuple(sorted(wanted.difference(index for _, index in traced.script)))
        self._signals, self._gradients, self._values, self._slopes = {}, {}, {}, {}  # type: tuple[dict[Any, Any], ...]
        self._nodes = traced.graph.nodes
        self._detail, self._magnitudes, self._batch_size = detail, detail != "moments", meter.batch_size
        self._aspects: dict[int, dict[str, Any]] = {}
        self._asked = frozenset(meter.gradients.asked)
        self._late: list[tuple[int, torch.Tensor]] = []
        self._live = parameters
        self._axes = unit_axes(traced.graph) if detail != "moments" else {}
        self._used = _first_uses(traced.graph, wanted)
        self._replay = Replay(traced.script, wanted, self._produced)
        self._hooked: list[tuple[torch.Tensor, Hook]] = []

    @property
    def signals(self) -> dict[int, Raw]:
        """Node index → raw reading of its result in the last step."""
        return statistics.wrapped(self._signals)

    @property
    def gradients(self) -> dict[int, Raw]:
        """Node index → raw reading of the gradient of its result, in the order of the backward pass."""
        return statistics.wrapped(self._gradients)

    @property
    def parameters(self) -> dict[str, Raw]:
        """Canonical name → raw reading."""
        return statistics.wrapped(self._values)

    @property
    def parameter_gradients(self) -> dict[str, Raw]:
        """Canonical name → raw reading of the last backward pass's gradient, before it is added to `.grad` or averaged."""
        return statistics.wrapped(self._slopes)

    def __enter__(self) -> "Values":
        self._hooked = [(p, partial(statistics.note, self._slopes, name, self._magnitudes, look_outside)) for name, p in self._live.items() if p.requires_grad]
        for parameter, hook in self._hooked:
            attach(parameter, hook)
        return self

    def __exit__(self, *_: object) -> None:
        for parameter, hook in self._hooked:
            detach(parameter, hook)

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Run the model and its loss inside; the backward pass comes after. Forgets the step before."""
        for found in (self._signals, self._gradients, self._values, self._slopes):
            found.clear()
        self._replay.restart()
        try:
            with self._replay:
                yield
        finally:
            self._late.clear()
        for name in self._live.keys() - self._values.keys():
            self._weigh(name)

    @property
    def departed(self) -> str:
        """Where the model did something else than when it was traced, so that the rest was not read; "" if nowhere."""
        return self._replay.departed or ("" if self._replay.finished else "fewer ops ran")

    def _weigh(self, name: str) -> None:
        parameter = self._live[name]
        axis = self._axes.get(name) if parameter.ndim > 1 else None
        if axis is None:
            statistics.note(self._values, name, self._magnitudes, look_outside, parameter)
        else:
            self._values[name] = statistics.take(parameter, axis, magnitudes=self._magnitudes, rows=True, units=False)

    def _produced(self, index: int, tensor: torch.Tensor) -> None:
        while self._late:  # custom autograd functions: their results got a gradient function meanwhile
            self._ask(*self._late.pop())
        for name in self._used[index]:
            self._weigh(name)
        if self._detail == "moments":
            statistics.note(self._signals, index, False, look_outside, tensor)
        else:
            what = self._aspects.get(index)
            if what is None:
                what = self._aspects[index] = aspects(self._nodes[index], tensor, self._detail, self._batch_size)
            self._signals[index] = look(tensor, what)
        if index in self._asked:
            if tensor.requires_grad:
                self._ask(index, tensor)
            else:
                self._late.append((index, tensor))

    def _ask(self, index: int, tensor: torch.Tensor) -> None:
        if tensor.requires_grad:
            attach(tensor, partial(statistics.note, self._gradients, index, self._magnitudes, look_outside))


def _first_uses(graph: SignalGraph, wanted: frozenset[int]) -> dict[int, list[str]]:
    """Node index → parameters that a wanted node is the first to use."""
    uses: dict[int, list[str]] = {}
    seen: set[str] = set()
    for node in graph.nodes:
        if node.index not in wanted:
            continue
        new = dict.fromkeys(name for use in node.uses for name in use.parameters if name not in seen)
        seen.update(new)
        uses[node.index] = list(new)
    return uses
