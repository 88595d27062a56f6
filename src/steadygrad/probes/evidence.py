"""`Evidence`: all that was measured, as plain records. Rules read this and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from steadygrad.graph.signal_graph import SignalGraph
from steadygrad.probes.statistics import Moments, Reading


@dataclass(frozen=True)
class ParameterReading:
    """A parameter and its gradient.

    `gradient` is None when autograd gave none; `update` is Δw of one optimizer step, None without an optimizer or when
    it does not train this parameter. `equal_gradients` counts the rows (output units) that repeat an earlier row and its
    bias *and* receive the same gradient as it, so that no deterministic training can tell them apart. `kept` is the share of its
    state that one step of a recurrence hands on at the start (see `probes/recurrent_memory.py`); None for other weights.
    `fresh` names the scheme that a frozen parameter's numbers cannot be told from a draw of (see `probes/fresh_draw.py`).
    """

    value: Reading
    gradient: Reading | None = None
    update: Moments | None = None
    equal_gradients: int = 0
    kept: float | None = None
    fresh: str = ""


@dataclass(frozen=True)
class TensorFacts:
    """A model input or target: where it stands in the batch ("inputs[0]", "inputs.input_ids", "targets") and its numbers.

    `minimum`/`maximum` are None for empty tensors; `distinct` is the number of distinct values of an integer tensor (or
    of a float tensor holding only integers), None otherwise; `constant_features` counts features equal over the batch;
    `feature_correlation` is the root mean square correlation between (up to 256) features over the batch, None when the
    batch is too small (< 8) to say.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    reading: Reading
    minimum: float | None = None
    maximum: float | None = None
    distinct: int | None = None
    constant_features: int = 0
    features: int = 0
    feature_correlation: float | None = None


@dataclass(frozen=True)
class LossFacts:
    """The loss: its value, its op and what it was given; `expected` is the value a fresh model should start from.

    `op` is the loss node's op ("cross_entropy", "mse_loss", …) or "custom" when the scalar was built by hand, "model"
    when the model returned `.loss`, "cotangent" when there was no loss.
    """

    op: str
    value: float | None
    node: int | None = None
    reduction: str = ""
    classes: int | None = None
    expected: float | None = None
    expectation: str = ""


@dataclass(frozen=True)
class OptimizerGroup:
    """One parameter group: its plain hyper-parameters and the canonical names it trains."""

    options: Mapping[str, Any]
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class OptimizerFacts:
    """The optimizer: class name, groups, and tensors it holds that are not the model's."""

    name: str
    groups: tuple[OptimizerGroup, ...]
    foreign: int = 0


@dataclass(frozen=True)
class Conditions:
    """How the measurement was made."""

    mode: str = "train"
    generated_inputs: bool = False
    cotangent: bool = False
    batch_size: int | None = None
    autocast: str = ""
    device: str = "cpu"
    depth: str = "fast"
    failure: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything the rules may look at.

    Attributes:
        graph: the traced structure.
        signals: node index → reading of its first floating output (forward).
        gradients: node index → reading of the gradient of that output.
        parameters: canonical name → reading of value, gradient and update.
        inputs, targets: facts about the batch.
        outputs: readings of the model's floating outputs, in order, names as in the output structure.
        loss, optimizer: facts, None where not given.
        buffers: buffer name → reading (running statistics among them).
        modules: module path → plain attributes of interest (momentum, eps, training, track_running_stats, p …).
        experiments: name → result record of each own-pass experiment that ran (see probes/experiments/).
        first_nonfinite: node index of the first forward value that is not finite and not meant to be (masks write −inf
            on purpose); None when there is none.
        first_nonfinite_gradient: node index of the first non-finite gradient, in the order of the backward pass, i.e.
            the last in execution order; None when all were finite.
        conditions: how it was measured.
        seconds: stage → seconds.
    """

    graph: SignalGraph
    signals: Mapping[int, Reading]
    gradients: Mapping[int, Reading]
    parameters: Mapping[str, ParameterReading]
    inputs: tuple[TensorFacts, ...] = ()
    targets: tuple[TensorFacts, ...] = ()
    outputs: Mapping[str, Reading] = field(default_factory=dict)
    loss: LossFacts | None = None
    optimizer: OptimizerFacts | None = None
    buffers: Mapping[str, Reading] = field(default_factory=dict)
    modules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    experiments: Mapping[str, Any] = field(default_factory=dict)
    first_nonfinite: int | None = None
    first_nonfinite_gradient: int | None = None
    conditions: Conditions = field(default_factory=Conditions)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def views(self) -> dict[str, Any]:
        """What rules derived from this evidence, by the name of the function; `replace` begins anew."""
        return {}
