"""`trace`: run a model once, as it always runs, and write down every op it executes."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from steadygrad.errors import ModelError
from steadygrad.graph.module_path import ModulePath, is_scripted
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.ops import Call
from steadygrad.graph.sharded import any_sharded
from steadygrad.graph.signal_graph import Node, Parameter, SignalGraph
from steadygrad.graph.tracer import Observer, Tracer
from steadygrad.graph.wrappers import canonical, parameter_records, scripted, unwrap
from steadygrad.graph.written_norms import with_written_norms
from steadygrad.graph.written_softplus import with_written_softplus


class NoObserver:
    """Looks at nothing."""

    def produced(self, node: Node, tensor: torch.Tensor, call: Call) -> None:
        """Ignore."""

    def consumed(self, index: int, tensor: torch.Tensor) -> None:
        """Ignore."""


@dataclass
class Traced:
    """A trace and the live results it was made from.

    `loss` is the scalar to differentiate, `kind` says whose it is; `script` is every op that ran, by name, with the
    index of the node it made (see `Replay`).
    """

    graph: SignalGraph
    outputs: Any
    output_tensors: list[tuple[str, torch.Tensor]]
    loss: torch.Tensor | None
    kind: str
    cotangent: bool = False
    failure: str = ""
    notes: list[str] = field(default_factory=list)
    script: list[tuple[str, int]] = field(default_factory=list)


def call_model(model: nn.Module, inputs: Any) -> Any:
    """`model(x)` for a tensor, `model(*x)` for a tuple, `model(**x)` for a dict or a batch object with keys."""
    if isinstance(inputs, tuple):
        return model(*inputs)
    if isinstance(inputs, Mapping) or (hasattr(inputs, "keys") and not isinstance(inputs, torch.Tensor)):
        return model(**{key: inputs[key] for key in inputs.keys()})  # noqa: SIM118
    return model(inputs)


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """Compiled functions run uncompiled; costs nothing when nothing was compiled."""
    if "torch._dynamo" in sys.modules:
        with torch.compiler.set_stance("force_eager"):
            yield
    else:
        yield


def own_loss(outputs: Any) -> torch.Tensor | None:
    """The loss a model returns itself: `.loss`, `["loss"]`, or None."""
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else getattr(outputs, "loss", None)
    return loss if isinstance(loss, torch.Tensor) and loss.is_floating_point() and loss.numel() == 1 else None


def random_cotangent(outputs: list[tuple[str, torch.Tensor]], seed: int = 0) -> torch.Tensor | None:
    """Σ ⟨y, v⟩ / √(features) / B over differentiable outputs, v ~ N(0, 1) fixed by `seed`.

    With it, rms(∂/∂y) is 1/(B·√features), the size a mean loss with O(1) residuals gives.
    """
    total = None
    generator = torch.Generator().manual_seed(seed)
    for _, tensor in outputs:
        if not tensor.requires_grad or not (tensor.is_floating_point() or tensor.is_complex()) or not tensor.numel():
            continue
        real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        noise = torch.randn(real.shape, generator=generator).to(device=real.device, dtype=real.dtype)
        batch = real.shape[0] if real.ndim else 1
        part = (real * noise).sum() / (batch * max(real.numel() / max(batch, 1), 1.0) ** 0.5)
        total = part if total is None else total + part
    return total


def trace(
    model: nn.Module,
    inputs: Any,
    targets: Any = None,
    loss_fn: Callable[..., Any] | None = None,
    observer: Observer | None = None,
    records: Mapping[int, Parameter] | None = None,
) -> Traced:
    """Run forward (and the loss) once and return the graph with the live results.

    Disturbs whatever the model's own forward disturbs: call it inside a `transaction`. Wrappers are looked through;
    scripted modules and custom autograd functions become opaque nodes, named in `graph.not_seen`. `records` spares
    looking for the parameters a second time.

    Raises:
        ModelError: the forward or the loss raised; the message says in which module.
    """
    inner, notes = unwrap(model)
    records = parameter_records(inner) if records is None else records
    observer = observer or NoObserver()
    paths = ModulePath(inner, on_exit=lambda module, args, output: _adopt(tracer, module, args, output))
    gathered = partial(_names, inner) if any_sharded(inner.parameters()) else None
    tracer = Tracer({key: record.name for key, record in records.items()}, observer, paths.current, gathered)
    for name, tensor in named_tensors(inputs, "inputs"):
        tracer.add_input(name, tensor)
    with eagerly(), paths:
        outputs = _guarded(tracer, paths, "the model's forward", call_model, inner, inputs)
        tensors = list(named_tensors(outputs, "output"))
        output_nodes = tuple(dict.fromkeys(i for _, t in tensors if (i := tracer.source(t)) is not None))
        paths.clear()
        paths.root = "loss"
        failure = ""
        try:
            loss, kind, cotangent = _loss(tracer, paths, outputs, tensors, targets, loss_fn)
        except ModelError as error:  # the model ran; a rule may know why its loss did not
            failure, loss, kind, cotangent = str(error), random_cotangent(tensors), "cotangent", True
    hidden = [f"`{canonical(p) or 'the model'}` is TorchScript: measured from outside only" for p in scripted(inner)]
    unknown = [f"op `{name}` is not known ({count}×): measured, not understood" for name, count in sorted(tracer.opaque.items())]
    graph = SignalGraph(
        nodes=with_written_softplus(with_written_norms(tracer.nodes)),
        parameters={record.name: record for record in records.values()},
        outputs=output_nodes,
        loss=tracer.source(loss) if loss is not None else None,
        module_types={canonical(path): type(module).__name__ for path, module in inner.named_modules()},
        not_seen=tuple(hidden + unknown),
        notes=tuple(notes),
    )
    return Traced(graph, outputs, tensors, loss, kind, cotangent, failure, notes, tracer.script)


def _names(model: nn.Module) -> dict[int, str]:
    return {key: record.name for key, record in parameter_records(model).items()}


def _loss(
    tracer: Tracer, paths: ModulePath, outputs: Any, tensors: list[tuple[str, torch.Tensor]], targets: Any,
    loss_fn: Callable[..., Any] | None,
) -> tuple[torch.Tensor | None, str, bool]:  # fmt: skip
    """The scalar to differentiate, whose it is, and whether it is a stand-in."""
    if loss_fn is not None:
        for name, tensor in named_tensors(targets, "targets"):
            if tracer.source(tensor) is None:
                tracer.add_input(name, tensor, op="target")
        arguments = (outputs,) if targets is None else (outputs, targets)
        loss = _guarded(tracer, paths, "loss_fn", loss_fn, *arguments)
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
            raise ModelError(f"`loss_fn` must return one number to differentiate, got {got}; reduce it, for example with .mean()")
        return loss, "loss_fn", False
    loss = own_loss(outputs)
    if loss is not None:
        return loss, "model", False
    single = tensors[0][1] if len(tensors) == 1 else None
    if single is not None and single.ndim == 0 and single.requires_grad:
        return single, "model", False
    return random_cotangent(tensors), "cotangent", True


def _guarded(tracer: Tracer, paths: ModulePath, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        with tracer:
            return function(*arguments)
    except Exception as error:
        where, _ = paths.current()
        place = f" at `{where}`" if where and where != "loss" else ""
        raise ModelError(f"{what} raised{place}: {type(error).__name__}: {error}") from error


def _adopt(tracer: Tracer, module: nn.Module, args: Any, output: Any) -> None:
    """What a module returns and no op was seen to make came from out of sight: make it an opaque node."""
    if isinstance(output, torch.Tensor) and tracer.source(output) is not None:
        return
    made = [t for _, t in named_tensors(output, "") if t.is_floating_point() or t.is_complex()]
    made = [t for t in made if tracer.side(t) == "constant" and (is_scripted(module) or t.grad_fn is not None)]
    if made:
        reads = [t for _, t in named_tensors(args, "") if tracer.source(t) is not None]
        why = "TorchScript" if is_scripted(module) else "an autograd function or extension"
        tracer.add_opaque(type(module).__name__, reads, made, why)
