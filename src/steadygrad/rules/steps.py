"""What one optimizer step does to the weights, for the rules about learning rates."""

from statistics import median
from typing import NamedTuple

from steadygrad.probes.evidence import Evidence, OptimizerFacts
from steadygrad.rules.weights import learned_attenuations, resolution, weighted


class StepSize(NamedTuple):
    """One weight's step: ratio = rms(Δw)/rms(w), share of entries that did not change, machine epsilon of its dtype."""

    name: str
    where: str
    node: int
    ratio: float
    unchanged: float
    resolution: float


def step_sizes(evidence: Evidence) -> list[StepSize]:
    """Weights with a gradient that is not zero, and what the step did to them; [] without a step."""
    found, seen = [], set()
    for item in weighted(evidence):
        update, gradient = item.reading.update, item.reading.gradient
        rms = item.reading.value.moments.rms
        if item.name in seen or update is None or gradient is None or not gradient.moments.absmax > 0.0 or not rms > 0.0:
            continue
        seen.add(item.name)
        dtype = evidence.graph.parameters[item.name].dtype
        found.append(StepSize(item.name, item.node.where, item.node.index, update.rms / rms, update.zero_share, resolution(dtype)))
    return found


def awake(evidence: Evidence, sizes: list[StepSize]) -> list[StepSize]:
    """Those that no learned scale next to zero (LayerScale, ReZero) holds back for now; all where there is no other."""
    attenuation = learned_attenuations(evidence)
    return [s for s in sizes if attenuation[s.node] > 0.1] or sizes


def momentum(optimizer: OptimizerFacts) -> float:
    """The largest of its groups; 0 where none has any. In the long run steps are 1/(1 − momentum) times as long."""
    return max((float(m) for group in optimizer.groups if isinstance(m := group.options.get("momentum"), int | float)), default=0.0)


def typical(sizes: list[StepSize]) -> float:
    """Median ratio; 0 without any."""
    return median(s.ratio for s in sizes) if sizes else 0.0
