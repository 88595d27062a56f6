"""The faults, one file per family of what goes wrong, and changes that do no harm."""

from benchmarks.injected_faults.operator import OPERATORS
from benchmarks.injected_faults.operators import activations, data, harmless, losses, steps, structure, weights

__all__ = ["OPERATORS", "activations", "data", "harmless", "losses", "steps", "structure", "weights"]
