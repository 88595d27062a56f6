"""Run a model with the weights as designed so far, and let the prediction learn from it; everything is put back."""

import math
from collections.abc import Iterable
from typing import Any

from torch import nn

from steadygrad.graph.flow import Walk
from steadygrad.graph.transaction import transaction
from steadygrad.planner.application import write
from steadygrad.planner.design import Design
from steadygrad.planner.ends import at_leaves
from steadygrad.planner.offsets import offsets
from steadygrad.planner.row import Row
from steadygrad.planner.updates import sizes
from steadygrad.planner.verification import observe_within
from steadygrad.probes.evidence import Evidence


def trial(model: nn.Module, inputs: Any, rows: Iterable[Row], seed: int) -> Evidence:
    """One forward and one backward pass with the weights that `rows` draw."""
    with transaction(model, inputs=inputs) as held:
        held.will_change_parameters()
        write(model, rows, seed)
        return observe_within(held, model, inputs)


def learn(design: Design, seen: Evidence) -> Walk:
    """Set the design's corrections so that its walk gives back what was measured, and return that walk.

    Each is local: what an op was seen to make over what its flow makes of the signals it was seen to read; likewise backward; and for each
    weight its gradient per entry over that of places that have nothing to do with each other. So moved scales are followed from here.
    """
    scale = at_leaves(seen)
    forget(design)
    design.offsets.update(offsets(seen))
    design.ahead = False  # from here on beside a run
    walk = design.blank_walk()
    walk.seen = {i: reading.moments.q for i, reading in seen.signals.items()}
    walk.felt = {i: reading.moments.q / scale for i, reading in seen.gradients.items() if _one(design, i)}
    for node in design.graph.nodes:
        if node.index in design.inputs:
            walk.signals[node.index] = design.inputs[node.index]
        else:
            walk.forward(node)
    design.back(walk)
    for name, predicted in sizes(design, walk, seen.parameters).items():
        reading = seen.parameters.get(name)
        if reading is not None and reading.gradient is not None and 0.0 < reading.gradient.moments.q < math.inf:
            design.pulls[name] = float(reading.gradient.moments.q / scale / predicted[0])
    return walk


def forget(design: Design) -> None:
    """Undo `learn`."""
    for learnt in (design.corrections, design.returned, design.pulls, design.offsets):
        learnt.clear()


def _one(design: Design, index: int) -> bool:
    """Whether the node makes one tensor, so that the gradient which was measured, of the first, is all that comes back."""
    return len(design.graph.nodes[index].outputs) == 1
