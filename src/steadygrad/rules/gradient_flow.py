"""How the gradient changes from the loss back to the inputs, weight by weight."""

import math
from typing import NamedTuple

from steadygrad.probes.evidence import Evidence
from steadygrad.rules.once import once
from steadygrad.rules.weights import Weighted, learned_attenuations, near_zero_outputs, resolution, weighted

ENOUGH = 2


class Item(NamedTuple):
    """One weight on the way: `relative` = rms(∂L/∂w)/rms(w) after small learned scales are divided out."""

    name: str
    where: str
    index: int
    rms: float
    relative: float
    resolution: float


class Flow(NamedTuple):
    """Weights in execution order with their relative gradients, and what is extreme about them.

    `input_side`, `loss_side`: geometric mean of the relative gradient over the first and the last third.
    """

    items: list[Item]
    weakest: Item
    strongest: Item
    drop: Item
    input_side: float
    loss_side: float

    @property
    def smallest(self) -> float:
        """Smallest relative gradient, 0 when one underflowed."""
        return self.weakest.relative

    @property
    def largest(self) -> float:
        """Largest relative gradient."""
        return self.strongest.relative

    @property
    def per_layer(self) -> float:
        """Factor per weight going back from the loss: geometric mean over the items that are not zero."""
        logs = [math.log(i.relative) for i in self.items if i.relative > 0.0]
        return math.exp((logs[0] - logs[-1]) / max(len(logs) - 1, 1)) if logs else math.nan


@once
def gradient_flow(evidence: Evidence) -> Flow | None:
    """The flow over weights that got a gradient; None with fewer than two, or when some gradient is not finite."""
    items, seen = [], set()
    tiny, attenuation, last = _last_tiny(evidence), learned_attenuations(evidence), near_zero_outputs(evidence)
    for item in weighted(evidence):
        if item.name in seen or item.reading.gradient is None or item.node.index in last:  # next to zero any step is large beside it
            continue
        seen.add(item.name)
        if item.reading.gradient.moments.nonfinite:
            return None
        made = _item(evidence, item, attenuation[item.node.index], underflows=item.node.index < tiny)
        if made is not None:
            items.append(made)
    if len(items) < ENOUGH or not any(i.relative > 0.0 for i in items):
        return None
    weakest = min(items, key=lambda i: i.relative)
    strongest = max(items, key=lambda i: i.relative)
    third = max(len(items) // 3, 1)
    return Flow(items, weakest, strongest, _largest_drop(items), _mean(items[:third]), _mean(items[-third:]))


def _item(evidence: Evidence, item: Weighted, small: float, *, underflows: bool) -> Item | None:
    """`underflows`: a gradient of exactly zero here is what is left of a tiny one, because one further on is tiny."""
    relative = item.relative_gradient
    if relative is None:
        return None
    rms = item.reading.gradient.moments.rms if item.reading.gradient is not None else 0.0
    if relative == 0.0 and (small == 0.0 or not underflows):
        return None  # cut off or not yet awake: other rules judge that
    small = small or 1.0  # the weight is used again where nothing is silent
    dtype = evidence.graph.parameters[item.name].dtype
    return Item(item.name, item.node.where, item.node.index, rms / small, relative / small, resolution(dtype))


def _last_tiny(evidence: Evidence) -> int:
    """The last op whose gradient is not zero and below 1e-30, −1 without one."""
    return max((i for i, reading in evidence.gradients.items() if 0.0 < reading.moments.absmax < 1e-30), default=-1)


def _largest_drop(items: list[Item]) -> Item:
    """Going back from the loss, the first weight after the largest single drop – if one drop makes up most of it."""
    if len(items) < ENOUGH:
        return items[0]
    logs = [math.log(max(i.relative, 1e-300)) for i in items]
    drops = [logs[k + 1] - logs[k] for k in range(len(items) - 1)]
    total = max(logs) - min(logs)
    largest = max(range(len(drops)), key=drops.__getitem__)
    return items[largest] if total > 0.0 and drops[largest] > 0.5 * total else min(items, key=lambda i: i.relative)


def _mean(items: list[Item]) -> float:
    return math.exp(sum(math.log(max(i.relative, 1e-300)) for i in items) / len(items))
