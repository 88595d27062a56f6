"""Weight decay that is added to the gradient, and with Adam divided by its size: how much of the step it decides."""

import math
from statistics import median

from steadygrad.probes.evidence import Evidence, OptimizerGroup

COUPLED = ("adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam")
DECIDES = 10.0
"""decay·rms(w)/rms(∂L/∂w): of the step that Adam makes from their sum, the loss decides a tenth."""


def decay_over_gradient(evidence: Evidence, optimizer: str, group: OptimizerGroup) -> tuple[float, float] | None:
    """(median of decay·rms(w)/rms(∂L/∂w), median of rms(w)/lr); None without such a decay or without gradients."""
    rate = group.options.get("lr")
    if optimizer.lower() not in COUPLED or group.options.get("decoupled_weight_decay") or not isinstance(rate, int | float) or not rate > 0.0:
        return None
    sizes = _sizes(evidence, group)
    return (pull(evidence, group), median(w for w, _ in sizes) / rate) if sizes else None


def pull(evidence: Evidence, group: OptimizerGroup) -> float:
    """Median over the group's weights of decay·rms(w)/rms(∂L/∂w): by how much decay outweighs the loss; 0 without either."""
    decay = group.options.get("weight_decay")
    sizes = _sizes(evidence, group)
    return median(decay * w / g for w, g in sizes) if sizes and isinstance(decay, int | float) else 0.0


def _sizes(evidence: Evidence, group: OptimizerGroup) -> list[tuple[float, float]]:
    """(rms(w), rms(∂L/∂w)) of every weight of a group with decay that has both."""
    decay = group.options.get("weight_decay")
    if not isinstance(decay, int | float) or not decay > 0.0:
        return []
    readings = [evidence.parameters[name] for name in group.parameters]
    sizes = [(p.value.moments.rms, p.gradient.moments.rms) for p in readings if p.gradient is not None]
    return [(w, g) for w, g in sizes if w > 0.0 and g > 0.0 and math.isfinite(g)]
