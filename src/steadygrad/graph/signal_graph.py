"""The records a trace leaves behind: every op in execution order, as plain data."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from steadygrad.randomness.law import Fans

Kind = Literal[
    "affine",  # contracts the signal with a parameter: linear, convolution, matmul/einsum with a weight, embedding, RNN
    "activation",  # elementwise nonlinearity
    "norm",  # normalizes by statistics of the signal
    "scale",  # signal × parameter, elementwise
    "shift",  # signal + parameter, elementwise
    "join",  # two or more signals meet: add, subtract, multiply, concatenate, stack
    "contract",  # two signals contracted: attention scores, bilinear products
    "attention",  # fused attention
    "softmax",
    "dropout",
    "pool",  # averages or maxima over positions, reductions
    "view",  # moves or copies numbers without changing them
    "pointwise",  # other elementwise arithmetic on one signal (x * 0.5, x ** 2, exp, clamp, log …)
    "loss",  # a loss function
    "cast",  # changes dtype or device
    "opaque",  # not known to any op file; probed numerically and named in every report
]
Role = Literal["weight", "bias", "scale", "shift", "table", "recurrent", "other"]


MOVED: tuple[Kind, ...] = ("view", "cast", "dropout")
"""Kinds of ops that hand the numbers on: in another shape or type, some of them masked."""


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of one tensor; `dtype` without the `torch.` prefix."""

    shape: tuple[int, ...]
    dtype: str
    device: str = "cpu"


@dataclass(frozen=True)
class ParameterUse:
    """How one op used one parameter (or a tensor derived from parameters only).

    `parameters` has one name, or several when the operand was computed from several (weight_norm's g and v,
    concatenated kernels). `derived` says the operand is not the parameter itself but a function of it; `shape` is the
    operand's shape at the op. `fans` is None where contraction has no meaning (norm scale, positional table).
    `unit_axis` is the operand's axis that enumerates output units, when there is one. `growth` is E[x²] of the operand over that of the parameter
    where it is the latter times constants.
    """

    parameters: tuple[str, ...]
    role: Role
    shape: tuple[int, ...]
    derived: bool = False
    fans: Fans | None = None
    unit_axis: int | None = None
    growth: float = 1.0


@dataclass(frozen=True)
class Node:
    """One op that was executed.

    Attributes:
        index: position in execution order, 0-based; also its identity.
        op: the family's name for it ("linear", "conv2d", "relu", "add", "layer_norm" …).
        kind: what it does to a signal, see `Kind`.
        function: the torch function that was called ("torch.nn.functional.linear").
        where: path of the innermost module being executed ("layers.3"), "" for the model itself, "loss" for the loss.
        call: how many times this module had been entered before (0 for the first call).
        inputs: indices of the nodes whose outputs it read; model inputs are nodes of op "input".
        outputs: what it produced.
        uses: the parameters it read.
        options: plain facts the op file records (negative_slope, p, eps, dim, training, stride, groups, reduction …).
        unit_axis: axis of the first output that enumerates units (features or channels), None when there is none.
        in_place: it overwrote one of its inputs.
    """

    index: int
    op: str
    kind: Kind
    function: str
    where: str
    call: int = 0
    inputs: tuple[int, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    uses: tuple[ParameterUse, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    unit_axis: int | None = None
    in_place: bool = False

    @property
    def label(self) -> str:
        """Where it is and what it is, for people: `layers.3 (linear)`."""
        return f"{self.where or 'model'} ({self.op})"

    @property
    def bias(self) -> int | None:
        """Index of the node that made what is added to the logits of fused attention, which is no operand: it may be −∞."""
        made = self.options.get("bias") if self.kind == "attention" else None
        return made if isinstance(made, int) else None


@dataclass(frozen=True)
class Parameter:
    """A parameter as the model names it; `names` lists every path of a tied one, `name` is the smallest."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    names: tuple[str, ...] = ()
    module: str = ""
    module_type: str = ""

    @property
    def numel(self) -> int:
        """Number of entries."""
        n = 1
        for size in self.shape:
            n *= size
        return n


@dataclass(frozen=True)
class SignalGraph:
    """Everything the trace saw, and what it could not see.

    Attributes:
        nodes: every op in execution order, model inputs first, the loss's ops last.
        parameters: by canonical name (wrappers stripped).
        outputs: indices of the nodes that produced the model's outputs.
        loss: index of the node that produced the scalar that was differentiated, or None.
        module_types: module path → class name.
        not_seen: sentences naming each op, module or parameter the trace could not look into.
        notes: sentences about wrappers removed and fallbacks taken.
    """

    nodes: tuple[Node, ...]
    parameters: Mapping[str, Parameter]
    outputs: tuple[int, ...] = ()
    loss: int | None = None
    module_types: Mapping[str, str] = field(default_factory=dict)
    not_seen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def consumers(self) -> Mapping[int, tuple[int, ...]]:
        """Node index → indices of the nodes that read it."""
        return self._consumers

    @cached_property
    def _consumers(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {node.index: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                found[source].append(node.index)
        return {index: tuple(readers) for index, readers in found.items()}

    @cached_property
    def feeds_weights(self) -> frozenset[int]:
        """Nodes from which a later weight, contraction or attention is reached: what they make will be mixed again."""
        found: set[int] = set()
        for node in reversed(self.nodes):
            if node.kind in ("affine", "contract", "attention") or node.index in found:
                found.update(node.inputs if node.bias is None else (*node.inputs, node.bias))
        return frozenset(found)

    def upstream(self, index: int, through: Collection[str] = MOVED) -> Node | None:
        """The node that really made what node `index` reads first, looking through views, casts and dropout."""
        node = self.nodes[index]
        while node.inputs:
            node = self.nodes[node.inputs[0]]
            if node.kind not in through:
                return node
        return None

    def ancestors(self, index: int) -> set[int]:
        """All nodes that node `index` depends on, itself excluded."""
        seen: set[int] = set()
        stack = list(self.nodes[index].inputs)
        while stack:
            current = stack.pop()
            if current not in seen:
                seen.add(current)
                stack.extend(self.nodes[current].inputs)
        return seen

    def uses_of(self, parameter: str) -> Iterator[tuple[Node, ParameterUse]]:
        """Every use of a parameter, in execution order."""
        yield from self._uses.get(parameter, ())

    @cached_property
    def _uses(self) -> dict[str, list[tuple[Node, ParameterUse]]]:
        """Looked up once per parameter by some rules: a search each time would cost depth²."""
        found: dict[str, list[tuple[Node, ParameterUse]]] = {}
        for node in self.nodes:
            for use in node.uses:
                for parameter in dict.fromkeys(use.parameters):
                    found.setdefault(parameter, []).append((node, use))
        return found
