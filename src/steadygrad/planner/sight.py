"""See a model: its graph, and where there is a batch what its parameters and ops measure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from steadygrad.graph.signal_graph import SignalGraph
from steadygrad.planner.verification import observe
from steadygrad.probes.evidence import Evidence, ParameterReading


@dataclass(frozen=True)
class Sight:
    """What is known of a model before anything is planned.

    Attributes:
        graph: how it uses its parameters.
        readings: of parameters, where they have numbers.
        ratios: node → how much it changed the second moment when the model ran.
        traced: whether the graph is that of a run.
        inputs: what it was traced with where the user gave nothing.
        notes: sentences about how it was seen.
    """

    graph: SignalGraph
    readings: Mapping[str, ParameterReading]
    ratios: Mapping[int, float]
    traced: bool = True
    inputs: Any = None
    notes: tuple[str, ...] = field(default=())

    def rms(self, name: str) -> float | None:
        """Root mean square of a parameter's entries."""
        reading = self.readings.get(name)
        return None if reading is None or not math.isfinite(reading.value.moments.q) else math.sqrt(reading.value.moments.q)


def see(model: nn.Module, inputs: Any) -> Sight:
    """Trace the model with `inputs`, in train mode, and measure."""
    evidence = observe(model, inputs)
    return Sight(evidence.graph, evidence.parameters, ratios(evidence), notes=evidence.graph.not_seen)


def ratios(evidence: Evidence) -> dict[int, float]:
    """Node → q of its output over the sum of q of what it read."""
    found = {}
    for node in evidence.graph.nodes:
        read = [evidence.signals[i].moments.q for i in node.inputs if i in evidence.signals]
        made = evidence.signals.get(node.index)
        if made is not None and read and sum(read) > 0.0 and math.isfinite(sum(read)):
            found[node.index] = made.moments.q / sum(read)
    return found
