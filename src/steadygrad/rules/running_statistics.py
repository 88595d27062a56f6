"""The running mean and variance of batch normalizations, as the model was handed in."""

from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Reading

ROUNDING = 1e-6
"""Relative rounding of float32 sums of up to 2^20 channels in float64, with room for statistics stored in float32."""


def buffer_of(evidence: Evidence, path: str, name: str) -> Reading | None:
    """The reading of buffer `name` of the module at `path`."""
    return evidence.buffers.get(f"{path}.{name}" if path else name)


def untouched(evidence: Evidence, path: str) -> bool:
    """Whether the statistics of the module at `path` are still mean 0 and variance 1, exactly."""
    mean, variance = buffer_of(evidence, path, "running_mean"), buffer_of(evidence, path, "running_var")
    if mean is None or variance is None or variance.moments.nonfinite:
        return False
    ones = variance.moments
    return mean.moments.zeros == mean.moments.count and ones.sum == ones.square == ones.count and ones.absmax == 1.0


def has_negative(reading: Reading) -> bool:
    """Whether a reading proves that some finite entry is below zero.

    From the entries where they were read one by one. Otherwise from x ≥ 0 ⇒ Σx ≥ max x and (Σx)² ≥ Σx², which one small
    negative entry among large ones need not break.
    """
    if reading.units is not None and reading.units.size == 1:
        return bool((reading.units.sum < 0.0).any())
    total, slack = reading.moments.sum, 1.0 - ROUNDING
    return total < reading.moments.absmax * slack or total * total < reading.moments.square * slack * slack
