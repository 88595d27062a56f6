"""The recorder: a torch-function mode that writes down every op while the model runs as it always does."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from steadygrad.graph.fans import of_complex
from steadygrad.graph.op_mode import OpMode, tensors_of
from steadygrad.graph.ops import OPS, Call, Seen
from steadygrad.graph.ops.call import Operand, Side
from steadygrad.graph.ops.derivation import growth
from steadygrad.graph.signal_graph import Node, ParameterUse, TensorSpec
from steadygrad.randomness.law import Fans

NO_NODE = -1
"""In a script: this op made no node."""
DTYPE_NAMES = {d: str(d).removeprefix("torch.") for d in vars(torch).values() if isinstance(d, torch.dtype)}


class Observer(Protocol):
    """Who is shown each op's result while it is there."""

    def produced(self, node: Node, tensor: torch.Tensor, call: Call) -> None:
        """`tensor` is the first floating output of `node`."""

    def consumed(self, index: int, tensor: torch.Tensor) -> None:
        """`tensor`, made by node `index`, is being read by a later op."""


def spec(tensor: torch.Tensor) -> TensorSpec:
    """Shape, dtype and device type as plain data."""
    return TensorSpec(tuple(tensor.shape), DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype)), tensor.device.type)


class Tracer(OpMode):
    """Records nodes; tells `observer` about tensors. One tracer is good for one run.

    `script` lists every op that ran, by name, with the node it made: enough to know each again when the model runs again.

    Args:
        parameters: id of each parameter tensor → canonical name.
        observer: called once per node with its result, and whenever a result is read.
        path: returns (module path, call number) of what is being executed now.
        gathered: looks for parameters again when an unknown one turns up: sharded models put gathered ones in the
            place of their shards while they run. None where that cannot happen.
    """

    def __init__(
        self, parameters: Mapping[int, str], observer: Observer, path: Callable[[], tuple[str, int]],
        gathered: Callable[[], Mapping[int, str]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.nodes: list[Node] = []
        self.script: list[tuple[str, int]] = []
        self.opaque: dict[str, int] = {}
        self._parameters = dict(parameters)
        self._gathered = gathered
        self._observer = observer
        self._path = path
        self._produced: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        self._derived: dict[int, tuple[weakref.ref[torch.Tensor], frozenset[str], float]] = {}

    # -- which side a tensor is on ---------------------------------------------------------------------------------

    def source(self, tensor: torch.Tensor) -> int | None:
        """Index of the node that made `tensor`, None when it is no signal."""
        entry = self._produced.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def lineage(self, tensor: torch.Tensor) -> frozenset[str]:
        """Names of the parameters that a parameter-side tensor was computed from."""
        name = self._parameters.get(id(tensor))
        if name is None and self._gathered is not None and isinstance(tensor, torch.nn.Parameter):
            self._parameters.update(self._gathered())
            name = self._parameters.get(id(tensor))
        if name is not None:
            return frozenset((name,))
        entry = self._derived.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else frozenset()

    def side(self, tensor: torch.Tensor) -> Side:
        """See `Call.side`."""
        if self.source(tensor) is not None:
            return "signal"
        return "parameter" if self.lineage(tensor) else "constant"

    def claim(self, tensor: torch.Tensor, index: int) -> None:
        """Say that node `index` made `tensor`."""
        self._produced[id(tensor)] = (weakref.ref(tensor), index)

    def add_input(self, name: str, tensor: torch.Tensor, op: str = "input") -> None:
        """Record a model input (or target) as a node without inputs."""
        node = Node(len(self.nodes), op, "view", "", name, outputs=(spec(tensor),))
        self.nodes.append(node)
        self.claim(tensor, node.index)

    def add_opaque(self, name: str, reads: list[torch.Tensor], tensors: list[torch.Tensor], why: str) -> None:
        """Record something that ran out of sight and made `tensors`."""
        where, call = self._path()
        inputs = tuple(dict.fromkeys(i for i in map(self.source, reads) if i is not None))
        node = Node(len(self.nodes), name, "opaque", name, where, call, inputs, tuple(map(spec, tensors)), options={"why": why})
        self.nodes.append(node)
        self.opaque[name] = self.opaque.get(name, 0) + 1
        for tensor in tensors:
            self.claim(tensor, node.index)
        with torch._C.DisableTorchFunction():  # this runs in a module hook, with the mode on
            self._observer.produced(node, tensors[0], Call(name, tuple(reads), {}, tensors[0], False, self.side))

    # -- what ran --------------------------------------------------------------------------------------------------

    def ran(self, function: Any, name: str, args: tuple[Any, ...], kwargs: Any, output: Any) -> None:
        """Write it down, and the node it made, if any, into the script."""
        before = len(self.nodes)
        self._record(function, name, args, kwargs, output)
        self.script.append((name, before if len(self.nodes) > before else NO_NODE))

    def _record(self, function: Any, name: str, args: tuple[Any, ...], kwargs: Any, output: Any) -> None:
        raw = getattr(function, "__name__", "")
        in_place = (raw.endswith("_") and not raw.endswith("__")) or raw.startswith("__i") or raw == "__setitem__"
        in_place = in_place or bool(kwargs.get("inplace")) or kwargs.get("out") is not None
        call = Call(name, args, kwargs, output, in_place, self.side)
        tensors = call.tensors()
        describe = OPS.get(name)
        if not any(self.source(t) is not None for t in tensors):
            names = frozenset().union(*map(self.lineage, tensors)) if tensors else frozenset()
            seen = describe(call) if describe and name in _STARTERS and names else None
            if seen is None or not seen.starts:
                self._derive(names, call)
                return
        else:
            seen = describe(call) if describe else self._unknown(call, name)
        self._write(call, seen, _full_name(function, raw))

    def _derive(self, names: frozenset[str], call: Call) -> None:
        """A tensor computed from parameters only is a parameter in another shape, and of another size where constants multiply it.

        Not so of parametrizations, through which weights are set as they come out.
        """
        if names and not call.in_place:
            alone = len(names) == 1 and not any(".parametrizations." in f".{name}" for name in names)
            made = growth(call) * self._growth(*call.tensors()) if alone else 1.0
            for tensor in tensors_of(call.output):
                if id(tensor) not in self._parameters:
                    self._derived[id(tensor)] = (weakref.ref(tensor), names, made)

    def _growth(self, *tensors: torch.Tensor) -> float:
        """That of the only derived tensor among these."""
        found = [entry[2] for t in tensors if (entry := self._derived.get(id(t))) is not None and entry[0]() is t]
        return found[0] if len(found) == 1 else 1.0

    def _unknown(self, call: Call, name: str) -> Seen:
        floating = [t for t in tensors_of(call.output) if t.is_floating_point() or t.is_complex()]
        if floating:
            self.opaque[name] = self.opaque.get(name, 0) + 1
        signals, _, _ = call.sides()
        return Seen(name, "opaque", signals)

    def _write(self, call: Call, seen: Seen, function: str) -> None:
        floating = [t for t in tensors_of(call.output) if t.is_floating_point() or t.is_complex()]
        inputs = []
        for tensor in seen.signals:
            index = self.source(tensor)
            if index is not None:
                inputs.append(index)
                self._observer.consumed(index, tensor)
        if not floating:  # index arithmetic, comparisons: keep the thread, write no node
            if inputs:
                for tensor in tensors_of(call.output):
                    self.claim(tensor, inputs[0])
            return
        where, count = self._path()
        uses = tuple(
            ParameterUse(
                tuple(sorted(names)), o.role, tuple(o.tensor.shape), id(o.tensor) not in self._parameters, _real(o), o.unit_axis, self._growth(o.tensor)
            )
            for o in seen.operands
            if (names := self.lineage(o.tensor))
        )
        beside = {key: index for key, tensor in seen.beside.items() if (index := self.source(tensor)) is not None}
        node = Node(
            len(self.nodes), seen.op, seen.kind, function, where, count, tuple(inputs), tuple(map(spec, floating)), uses,
            seen.options | beside, self._unit_axis(seen, inputs, floating[0]), call.in_place,
        )  # fmt: skip
        self.nodes.append(node)
        for tensor in tensors_of(call.output):
            self.claim(tensor, node.index)
            if call.in_place:
                self._claim_base(tensor, node.index)
        self._observer.produced(node, floating[0], call)

    def _claim_base(self, tensor: torch.Tensor, index: int) -> None:
        """An in-place write through a view changed the tensor it views."""
        base = tensor._base if tensor._is_view() else None
        if base is not None and id(base) not in self._parameters:
            self.claim(base, index)

    def _unit_axis(self, seen: Seen, inputs: list[int], output: torch.Tensor) -> int | None:
        """The op's own answer; else its input's, when the shape is the same."""
        if seen.unit_axis is not None:
            return seen.unit_axis
        if inputs and seen.kind != "view":
            before = self.nodes[inputs[0]]
            if before.outputs and before.outputs[0].shape == tuple(output.shape):
                return before.unit_axis
        return None


_STARTERS = {
    "linear", "bilinear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "embedding", "embedding_bag", "lstm", "gru", "rnn_tanh", "rnn_relu", "scaled_dot_product_attention", "layer_norm",
    "batch_norm", "group_norm", "rms_norm",
}  # fmt: skip


def _real(operand: Operand) -> Fans | None:
    return of_complex(operand.fans) if operand.fans is not None and operand.tensor.is_complex() else operand.fans


def _full_name(function: Any, raw: str) -> str:
    module = getattr(function, "__module__", None) or getattr(getattr(function, "__objclass__", None), "__name__", "")
    return f"{module}.{raw}" if module else raw
