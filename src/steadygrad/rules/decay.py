"""Weight decay that is added to the gradient and divided by its size: how much of the step it decides."""

import math
from statistics import median

from steadygrad.probes.evidence import Evidence, OptimizerGroup

COUPLED = ("adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam")
DECIDES = 10.0
"""decay·rms(w)/rms(∂L/∂w): of the step that Adam makes from their sum, the loss decides a tenth."""


def decay_over_gradient(evidence: Evidence, optimizer: str, group: OptimizerGroup) -> tuple[float, float] | None:
    """(median of decay·rms(w)/rms(∂L/∂w), median of rms(w)/lr); None without such a decay or without gradients."""
    decay, rate = group.options.get("weight_decay"), group.options.get("lr")
    if optimizer.lower() not in COUPLED or group.options.get("decoupled_weight_decay"):
        return None
    if not isinstance(decay, int | float) or not isinstance(rate, int | float) or not decay > 0.0 or not rate > 0.0:
        return None
    readings = [evidence.parameters[name] for name in group.parameters]
    sizes = [(p.value.moments.rms, p.gradient.moments.rms) for p in readings if p.gradient is not None]
    sizes = [(w, g) for w, g in sizes if w > 0.0 and g > 0.0 and math.isfinite(g)]
    return (median(decay * w / g for w, g in sizes), median(w for w, _ in sizes) / rate) if sizes else None
