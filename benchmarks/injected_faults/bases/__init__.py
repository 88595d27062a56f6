"""The healthy trainings, one file per kind of network."""

from benchmarks.injected_faults.base import BASES
from benchmarks.injected_faults.bases import convolutional, dense, paired, sequential

__all__ = ["BASES", "convolutional", "dense", "paired", "sequential"]
