"""What becomes of a model's buffers: statistics start over, constants stay, power methods follow their weights."""

from torch import nn

from steadygrad.graph.wrappers import canonical
from steadygrad.planner.row import Row
from steadygrad.randomness.law import constant

STATISTICS = {"running_mean": 0.0, "running_var": 1.0, "num_batches_tracked": 0.0}


def rows(model: nn.Module) -> list[Row]:
    """One for every buffer."""
    return [_row(canonical(name), tuple(buffer.shape)) for name, buffer in model.named_buffers()]


def _row(name: str, shape: tuple[int, ...]) -> Row:
    last = name.rpartition(".")[2]
    if last in STATISTICS:
        start = STATISTICS[last]
        reason = "statistics of weights that are no more"
        return Row(name, shape, "buffer", "reset", law=constant(start), scheme=f"constant {start:g}", reason=reason, names=(name,))
    computes = ".parametrizations." in f".{name}"
    reason = "set with the weight that it helps to compute" if computes else "not a statistic: a constant of the model"
    return Row(name, shape, "buffer", "keep", reason=reason, names=(name,))
