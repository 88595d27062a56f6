"""One measurement: a forward, a loss and a backward pass under observation, then the experiments that were asked for."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.errors import ModelError
from steadygrad.graph import checkpoints
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.sharded import any_sharded
from steadygrad.graph.signal_graph import Parameter
from steadygrad.graph.trace import Traced, call_model, own_loss, random_cotangent, trace
from steadygrad.graph.transaction import Transaction
from steadygrad.graph.wrappers import parameter_records, unwrap
from steadygrad.probes import facts, statistics
from steadygrad.probes.backward import backward
from steadygrad.probes.evidence import Conditions, Evidence, ParameterReading
from steadygrad.probes.meter import Meter
from steadygrad.probes.parameters import parameter_readings
from steadygrad.probes.statistics import Reading

SEED = 0
Progress = Callable[[str], None]


@dataclass
class Session:
    """What an experiment may use: the live model inside its transaction, and what was found so far.

    Attributes:
        case: model, inputs, targets, loss_fn, optimizer.
        model: the module inside all wrappers.
        transaction: restores everything; say `will_change_parameters()` before changing any.
        parameters: canonical name → live parameter; records: canonical name → its plain record.
        traced: the graph with live outputs and loss; the loss's autograd graph is already freed.
        gradients: canonical name → gradient of the loss, None where there is none.
        meter: readings of signals and gradients.
        results: name → result of the experiments that already ran.
        remarks: sentences about what could not be measured.
    """

    case: Case
    model: nn.Module
    transaction: Transaction
    mode: str
    parameters: dict[str, nn.Parameter] = field(default_factory=dict)
    records: dict[str, Parameter] = field(default_factory=dict)
    traced: Traced | None = None
    gradients: dict[str, torch.Tensor | None] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    results: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, progress: Progress | None) -> Iterator[None]:
        """Time a stage and announce it."""
        if progress is not None:
            progress(name)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    @property
    def own_batch(self) -> bool:
        """Whether somebody's own batch ran to its end with every parameter whole: what it takes to run parts of it again."""
        ran = self.traced is not None and not self.traced.failure
        return ran and not self.case.generated and not any_sharded(self.parameters.values())

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """In eval mode, and back at the start afterwards, whatever happens."""
        self.model.eval()
        try:
            yield
        finally:
            self.restart()

    def restart(self) -> None:
        """Weights, optimizer, buffers and modes as they were when the measurement began."""
        self.transaction.undo_modules()
        self.transaction.undo_step()
        _set_mode(self.model, self.mode)

    def loss_again(self) -> torch.Tensor | None:
        """Forward and loss once more under the same seed, unobserved; None when there is no scalar.

        Raises:
            ModelError: the second run raised although the first did not.
        """
        torch.manual_seed(SEED)
        try:
            return self.loss_of(call_model(self.model, self.case.inputs))
        except Exception as error:
            raise ModelError(f"the model ran once but not a second time: {type(error).__name__}: {error}") from error

    def loss_of(self, outputs: Any) -> torch.Tensor | None:
        """The scalar to differentiate for these outputs: the user's loss, the model's own, or a random cotangent."""
        if self.case.loss_fn is not None:
            return self.case.loss_fn(*((outputs,) if self.case.targets is None else (outputs, self.case.targets)))
        loss = own_loss(outputs)
        if loss is not None:
            return loss
        tensors = list(named_tensors(outputs, "output"))
        if len(tensors) == 1 and tensors[0][1].ndim == 0:
            return tensors[0][1]
        return random_cotangent(tensors)


@checkpoints.opened()
def measure(
    case: Case,
    transaction: Transaction,
    *,
    mode: str = "train",
    depth: str = "fast",
    detail: str = "full",
    experiments: Iterable[Any] = (),
    progress: Progress | None = None,
) -> Evidence:
    """Measure one case inside a transaction.

    Args:
        case: what to look at.
        transaction: the open transaction that will put everything back.
        mode: "train" (submodules frozen in eval mode stay so unless the whole model is) or "eval".
        depth: "fast" or "full"; which experiments run.
        detail: "moments" reads only five scalars per tensor.
        experiments: objects with `name`, `depths`, `applies(session)` and `run(session)`.
        progress: called with the name of each stage as it begins.

    Raises:
        ModelError: the user's forward, loss or backward raised.
    """
    model, notes = unwrap(case.model)
    session = Session(case, model, transaction, mode, meter=Meter(detail, _batch_size(case.inputs)))
    with torch._C.DisableTorchFunction():  # the modes that watch the model need not see what is asked of tensors here
        records = parameter_records(model)
        session.records = {r.name: r for r in records.values()}
        session.parameters = {records[id(p)].name: p for p in model.parameters()}
        modules = facts.module_facts(model)
        inputs, targets = facts.tensor_facts(case.inputs, "inputs"), facts.tensor_facts(case.targets, "targets")
        buffers = facts.buffer_readings(model)
    _set_mode(model, mode)
    try:
        with session.stage("forward", progress):
            torch.manual_seed(SEED)
            session.traced = trace(model, case.inputs, case.targets, case.loss_fn, session.meter, records)
        with session.stage("backward", progress):
            backward(session, SEED)
    finally:
        session.meter.close()
    with session.stage("parameters", progress), torch._C.DisableTorchFunction():
        values = parameter_readings(session.traced.graph, session.parameters, session.gradients, detail)
    if depth == "fast" and case.optimizer is None:
        session.gradients = {}  # only an optimizer's step and full depth ask for them again: as much memory as the weights
    for experiment in experiments:
        if depth in experiment.depths and experiment.applies(session):
            with session.stage(experiment.name, progress):
                _run(session, experiment)
    step = session.results.get("step")
    for name, update in getattr(step, "updates", {}).items():
        values[name] = replace(values[name], update=update)
    session.traced.graph = replace(session.traced.graph, notes=(*notes, *session.traced.graph.notes, *session.remarks))
    with torch._C.DisableTorchFunction():
        return _evidence(session, values, inputs, targets, buffers, modules, depth)


def _run(session: Session, experiment: Any) -> None:
    """Run one experiment. Those of full depth come on top: where one cannot be made, the report says so and goes on."""
    if "fast" in experiment.depths:
        session.results[experiment.name] = experiment.run(session)
        return
    try:
        session.restart()
        session.results[experiment.name] = experiment.run(session)
    except Exception as error:  # double backward, memory, a second run that raises: anything the first pass did not need
        reason = str(error).strip().split("\n")[0]
        session.remarks.append(f"{experiment.name} was not measured ({type(error).__name__}: {reason[:160]})")
    finally:
        session.restart()


def _batch_size(inputs: Any) -> int | None:
    for _, tensor in named_tensors(inputs):
        if tensor.ndim:
            return int(tensor.shape[0])
    return None


def _set_mode(model: nn.Module, mode: str) -> None:
    if mode == "eval":
        model.eval()
    elif not model.training:
        model.train()


def _evidence(
    session: Session, values: dict[str, ParameterReading], inputs: Any, targets: Any, buffers: Any, modules: Any, depth: str
) -> Evidence:
    traced, meter = session.traced, session.meter
    assert traced is not None
    session.gradients = {}
    outputs: dict[str, Reading] = {}
    for name, tensor in traced.output_tensors:
        if tensor.is_floating_point() and tensor.numel():
            batch = tensor.ndim > 1 and tensor.shape[0] == meter.batch_size
            axis = tensor.ndim - 1 if tensor.ndim else None
            outputs[name] = statistics.read(tensor.detach(), axis, samples=batch)
    names = {id(p): name for name, p in session.parameters.items()}
    autocast = torch.is_autocast_enabled("cpu") or (torch.cuda.is_available() and torch.is_autocast_enabled("cuda"))
    device = next((p.device.type for p in session.parameters.values()), "cpu")
    return Evidence(
        graph=traced.graph,
        signals={index: raw.reading() for index, raw in meter.signals.items()},
        gradients={index: raw.reading() for index, raw in meter.gradients.found.items()},
        parameters=values,
        inputs=inputs,
        targets=targets,
        outputs=outputs,
        loss=facts.loss_facts(traced.graph, traced.loss, traced.kind, targets),
        optimizer=facts.optimizer_facts(session.case.optimizer, names),
        buffers=buffers,
        modules=modules,
        experiments=session.results,
        first_nonfinite=meter.first_nonfinite,
        first_nonfinite_gradient=meter.gradients.first_nonfinite,
        conditions=Conditions(
            mode=session.mode,
            generated_inputs=session.case.generated,
            cotangent=traced.cotangent,
            batch_size=meter.batch_size,
            autocast=str(torch.get_autocast_dtype(device)).removeprefix("torch.") if autocast else "",
            device=device,
            depth=depth,
            failure=traced.failure,
        ),
        seconds=session.seconds,
    )
