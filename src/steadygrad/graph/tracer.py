"""The recorder: a torch-function mode that writes down every op while the model runs as it always does."""

import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch.overrides import TorchFunctionMode

from steadygrad.graph.ops import OPS, Call, Seen
from steadygrad.graph.ops.call import Side
from steadygrad.graph.ops.movement import FRESH
from steadygrad.graph.signal_graph import Node, ParameterUse, TensorSpec

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


def base_name(function: Callable[..., Any]) -> str:
    """`torch.Tensor.relu_` → "relu"; property getters by their property's name."""
    name = getattr(function, "__name__", "") or type(function).__name__
    if name == "__get__":
        return getattr(function.__self__, "__name__", "__get__")
    if name.endswith("_") and not name.endswith("__"):
        return name[:-1]
    return name.removeprefix("_") if name.startswith("_") and not name.startswith("__") else name


def opened(function: types.FunctionType) -> types.FunctionType:
    """A copy of a Python functional that no longer hides its inside from function modes.

    Functionals written in Python begin with `if has_torch_function(...): return handle_torch_function(...)`, which
    under a mode calls back for ever. The copy sees its own globals, in which that question is answered no.
    """
    closed = dict.fromkeys(("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"), lambda *_: False)
    copy = types.FunctionType(function.__code__, {**function.__globals__, **closed}, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


class Tracer(TorchFunctionMode):
    """Records nodes; tells `observer` about tensors. One tracer is good for one run.

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
        self.opaque: dict[str, int] = {}
        self._parameters = dict(parameters)
        self._gathered = gathered
        self._observer = observer
        self._path = path
        self._produced: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        self._derived: dict[int, tuple[weakref.ref[torch.Tensor], frozenset[str]]] = {}
        self._names: dict[Any, str] = {}
        self._opened: dict[Any, types.FunctionType] = {}
        self._opening: set[Any] = set()

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

    # -- the mode --------------------------------------------------------------------------------------------------

    def __torch_function__(self, function: Any, types_: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Run the function, then write it down."""
        kwargs = kwargs or {}
        name = self._names.get(function)
        if name is None:
            name = self._names[function] = base_name(function)
        if name in FRESH:
            return function(*args, **kwargs)
        hides = name not in OPS and isinstance(function, types.FunctionType) and function.__module__.startswith("torch.")
        if hides and function not in self._opening:
            return self._inside(function, args, kwargs)
        output = function(*args, **kwargs)
        target = args[0] if name == "__setitem__" else output
        if isinstance(target, torch.Tensor) or (isinstance(target, tuple | list) and _has_tensor(target)):
            with torch._C.DisableTorchFunction():  # what is asked of tensors here is nobody else's business
                self._record(function, name, args, kwargs, target)
        return output

    def _inside(self, function: types.FunctionType, args: tuple[Any, ...], kwargs: Any) -> Any:
        """Run a Python functional nobody described with this mode still on, so that its ops are seen."""
        copy = self._opened.get(function)
        if copy is None:
            copy = self._opened[function] = opened(function)
        self._opening.add(function)  # one that asks for modes in its own way comes back: then it runs closed
        try:
            with self:
                return copy(*args, **kwargs)
        finally:
            self._opening.discard(function)

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
                self._derive(names, output, in_place)
                return
        else:
            seen = describe(call) if describe else self._unknown(call, name)
        self._write(call, seen, _full_name(function, raw))

    def _derive(self, names: frozenset[str], output: Any, in_place: bool) -> None:
        """A tensor computed from parameters only is a parameter in another shape."""
        if names:
            for tensor in _tensors(output):
                if id(tensor) not in self._parameters and not in_place:
                    self._derived[id(tensor)] = (weakref.ref(tensor), names)

    def _unknown(self, call: Call, name: str) -> Seen:
        floating = [t for t in _tensors(call.output) if t.is_floating_point() or t.is_complex()]
        if floating:
            self.opaque[name] = self.opaque.get(name, 0) + 1
        signals, _, _ = call.sides()
        return Seen(name, "opaque", signals)

    def _write(self, call: Call, seen: Seen, function: str) -> None:
        floating = [t for t in _tensors(call.output) if t.is_floating_point() or t.is_complex()]
        inputs = []
        for tensor in seen.signals:
            index = self.source(tensor)
            if index is not None:
                inputs.append(index)
                self._observer.consumed(index, tensor)
        if not floating:  # index arithmetic, comparisons: keep the thread, write no node
            if inputs:
                for tensor in _tensors(call.output):
                    self.claim(tensor, inputs[0])
            return
        where, count = self._path()
        uses = tuple(
            ParameterUse(tuple(sorted(names)), o.role, tuple(o.tensor.shape), id(o.tensor) not in self._parameters, o.fans, o.unit_axis)
            for o in seen.operands
            if (names := self.lineage(o.tensor))
        )
        node = Node(
            len(self.nodes), seen.op, seen.kind, function, where, count, tuple(inputs), tuple(map(spec, floating)), uses,
            seen.options, self._unit_axis(seen, inputs, floating[0]), call.in_place,
        )  # fmt: skip
        self.nodes.append(node)
        for tensor in _tensors(call.output):
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


def _tensors(output: Any) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    found: list[torch.Tensor] = []
    for item in output:
        if isinstance(item, torch.Tensor):
            found.append(item)
        elif isinstance(item, tuple | list):
            found.extend(t for t in item if isinstance(t, torch.Tensor))
    return found


def _has_tensor(output: tuple[Any, ...] | list[Any]) -> bool:
    return bool(_tensors(output))


def _full_name(function: Any, raw: str) -> str:
    module = getattr(function, "__module__", None) or getattr(getattr(function, "__objclass__", None), "__name__", "")
    return f"{module}.{raw}" if module else raw
