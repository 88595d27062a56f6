"""See a model: its graph, and where there is a batch what its parameters and ops measure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from steadygrad.errors import InputError, SteadygradError
from steadygrad.graph.first_shapes import first_shapes, made_up, required
from steadygrad.graph.lazy import materialised_copy
from steadygrad.graph.signal_graph import SignalGraph
from steadygrad.graph.trace import trace
from steadygrad.graph.transaction import transaction
from steadygrad.planner.ends import ends, leaves
from steadygrad.planner.spread import of_parameters, spreads
from steadygrad.planner.verification import observe
from steadygrad.probes.evidence import Evidence, ParameterReading


@dataclass(frozen=True)
class Sight:
    """What is known of a model before anything is planned.

    Attributes:
        graph: how it uses its parameters.
        readings: of parameters, where they have numbers.
        ratios: node → how much it changed the second moment when the model ran.
        fixed: node → second moment of what was made of inputs alone, which no weight changes.
        traced: whether the graph is that of a run.
        ends: node → second moment of the gradient the loss hands it; see `planner.ends`.
        spreads: of activations and of weight gradients as the model came; see `planner.verification`.
        inputs: what it was traced with where the user gave nothing.
        notes: sentences about how it was seen.
        evidence: all that was measured as the model came; None where nothing was.
    """

    graph: SignalGraph
    readings: Mapping[str, ParameterReading]
    ratios: Mapping[int, float]
    fixed: Mapping[int, float] = field(default_factory=dict)
    traced: bool = True
    ends: Mapping[int, float] = field(default_factory=dict)
    spreads: tuple[float, float] | None = None
    inputs: Any = None
    notes: tuple[str, ...] = field(default=())
    evidence: Evidence | None = None

    def rms(self, name: str) -> float | None:
        """Root mean square of a parameter's entries."""
        reading = self.readings.get(name)
        return None if reading is None or not math.isfinite(reading.value.moments.q) else math.sqrt(reading.value.moments.q)


def with_shapes(model: nn.Module, inputs: Any) -> nn.Module:
    """The model, or where parameters have no shape yet a copy in which one forward gave them one.

    Raises:
        InputError: lazy parameters and no inputs.
    """
    lazy = next(((name, p) for name, p in model.named_parameters() if nn.parameter.is_lazy(p)), None)
    if lazy is None:
        return model
    if inputs is None:
        raise InputError(f"`{lazy[0]}` has no shape yet ({type(lazy[1]).__name__}); give a batch, from which it gets one: plan(model, inputs)")
    return materialised_copy(model, inputs)


def see(model: nn.Module, inputs: Any) -> Sight:
    """Trace the model with `inputs`, in train mode, and measure; without inputs, with one made up from its first layers.

    A model on the meta device is traced on shapes alone: nothing is measured, and what its author set on purpose cannot be seen.

    Raises:
        InputError: no inputs, and none of those made up runs.
        ModelError: the forward raised.
    """
    on_meta = any(p.is_meta for p in model.parameters())
    if inputs is not None:
        return _on_shapes(model, _to_meta(inputs)) if on_meta else _measured(model, inputs)
    for shape in first_shapes(model):
        guess = made_up(shape, "meta" if on_meta else _device(model))
        try:
            seen = _on_shapes(model, guess) if on_meta else _measured(model, guess)
        except SteadygradError:
            continue
        words = "×".join(map(str, shape[0]))
        return replace(seen, inputs=guess, notes=(f"traced with made-up inputs of shape {words}: give inputs for moments of your data", *seen.notes))
    names = required(model)
    takes = f"; its forward takes ({', '.join(names)})" if len(names) > 1 else ""
    raise InputError(f"`inputs` must be given: no shape was found that {type(model).__name__} accepts{takes}; call plan(model, inputs)")


def _measured(model: nn.Module, inputs: Any) -> Sight:
    evidence = observe(model, inputs)
    own, notes = spreads(evidence), evidence.graph.not_seen
    return Sight(evidence.graph, evidence.parameters, ratios(evidence), fixed(evidence), ends=ends(evidence), spreads=own, notes=notes, evidence=evidence)


def _on_shapes(model: nn.Module, inputs: Any) -> Sight:
    with transaction(model, inputs=inputs):
        graph = trace(model, inputs).graph
    notes = ("planned on shapes alone: numbers set on purpose could not be seen", *graph.not_seen)
    return Sight(graph, {}, {}, ends=dict.fromkeys(leaves(graph), 1.0), inputs=inputs, notes=notes)


def _to_meta(inputs: Any) -> Any:
    if isinstance(inputs, torch.Tensor):
        return inputs.to("meta")
    if isinstance(inputs, Mapping):
        return {key: _to_meta(value) for key, value in inputs.items()}
    return type(inputs)(map(_to_meta, inputs)) if isinstance(inputs, tuple | list) else inputs


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def ratios(evidence: Evidence) -> dict[int, float]:
    """Node → q of its output over the sum of q of what it read, behind views, which are not measured."""
    found, graph = {}, evidence.graph
    for node in graph.nodes:
        made_by = [i if i in evidence.signals else upstream.index for i in node.inputs if (upstream := graph.upstream(i) or graph.nodes[i])]
        read = [evidence.signals[i].moments.q for i in made_by if i in evidence.signals]
        made = evidence.signals.get(node.index)
        if made is not None and read and sum(read) > 0.0 and math.isfinite(sum(read)):
            found[node.index] = made.moments.q / sum(read)
    return found


def fixed(evidence: Evidence) -> dict[int, float]:
    """Node → second moment of what no parameter had a part in: positions, masks, their products."""
    made = of_parameters(evidence.graph)
    found = {i: reading.moments.q for i, reading in evidence.signals.items() if i not in made and len(evidence.graph.nodes[i].outputs) == 1}
    return {i: q for i, q in found.items() if 0.0 < q < math.inf}
