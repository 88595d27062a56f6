"""Measurements that need passes of their own, beyond the observed forward and backward. One file each.

An experiment has a `name`, the `depths` it runs at ("fast", "full"), `applies(session)` and `run(session)`; what it
returns appears in `Evidence.experiments[name]`. They run in the order of `EXPERIMENTS`, inside the transaction.
"""

from typing import Any

from steadygrad.probes.experiments.batch_probe import BatchProbe
from steadygrad.probes.experiments.loss_probe import LossProbeExperiment
from steadygrad.probes.experiments.step import OptimizerStep

EXPERIMENTS: tuple[Any, ...] = (BatchProbe(), LossProbeExperiment(), OptimizerStep())
