"""Measurements that need passes of their own, beyond the observed forward and backward. One file each.

An experiment has a `name`, the `depths` it runs at ("fast", "full"), `applies(session)` and `run(session)`; what it
returns appears in `Evidence.experiments[name]`. They run in the order of `EXPERIMENTS`, inside the transaction. Those
of full depth say their `cost` and `unit`, start from an untouched model, and may fail without failing the check.
"""

from typing import Any

from steadygrad.probes.experiments.batch_probe import BatchProbe
from steadygrad.probes.experiments.curvature import CurvatureExperiment
from steadygrad.probes.experiments.divergence import DivergenceExperiment
from steadygrad.probes.experiments.jacobian import JacobianExperiment
from steadygrad.probes.experiments.lasting_dropout import LastingDropoutExperiment
from steadygrad.probes.experiments.lookahead import LookaheadExperiment
from steadygrad.probes.experiments.loss_probe import LossProbeExperiment
from steadygrad.probes.experiments.mixing import MixingExperiment
from steadygrad.probes.experiments.mode_gap import ModeGapExperiment
from steadygrad.probes.experiments.ordering import OrderingExperiment
from steadygrad.probes.experiments.overshoot import OvershootExperiment
from steadygrad.probes.experiments.padding import PaddingExperiment
from steadygrad.probes.experiments.penalty import PenaltyExperiment
from steadygrad.probes.experiments.reading import ReadingExperiment
from steadygrad.probes.experiments.rehearsal import RehearsalExperiment
from steadygrad.probes.experiments.step import OptimizerStep
from steadygrad.probes.experiments.strangers import StrangersExperiment

EXPERIMENTS: tuple[Any, ...] = (
    BatchProbe(),
    LossProbeExperiment(),
    StrangersExperiment(),
    PenaltyExperiment(),
    DivergenceExperiment(),
    OptimizerStep(),
    OvershootExperiment(),
    MixingExperiment(),
    LookaheadExperiment(),
    OrderingExperiment(),
    PaddingExperiment(),
    ReadingExperiment(),
    LastingDropoutExperiment(),
    ModeGapExperiment(),
    CurvatureExperiment(),
    JacobianExperiment(),
    RehearsalExperiment(),
)
