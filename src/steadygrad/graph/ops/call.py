"""What an op file is given (`Call`) and what it answers (`Seen`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch

from steadygrad.graph.signal_graph import Kind, Role
from steadygrad.randomness.law import Fans

Side = Literal["signal", "parameter", "constant"]


class Operand(NamedTuple):
    """A parameter-side tensor an op read: what for, its fans in this use, the axis that enumerates output units."""

    tensor: torch.Tensor
    role: Role
    fans: Fans | None = None
    unit_axis: int | None = None


@dataclass
class Call:
    """One executed torch function: base name ("conv2d"), arguments, result, and which side each tensor is on.

    `side(tensor)` is "signal" for what depends on the model's inputs (or was made by an op that starts a signal),
    "parameter" for what depends on parameters only, "constant" for all else (masks, ranges, buffers).
    """

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any
    in_place: bool
    side: Callable[[torch.Tensor], Side]

    def get(self, position: int, keyword: str, default: Any = None) -> Any:
        """The argument at `position`, or called `keyword`."""
        if len(self.args) > position:
            return self.args[position]
        return self.kwargs.get(keyword, default)

    def tensors(self) -> list[torch.Tensor]:
        """All tensor arguments in order, those inside lists and tuples included; index and `out` arguments too."""
        found: list[torch.Tensor] = []
        for value in (*self.args, *self.kwargs.values()):
            if isinstance(value, torch.Tensor):
                found.append(value)
            elif isinstance(value, list | tuple):
                for item in value:
                    if isinstance(item, torch.Tensor):
                        found.append(item)
                    elif isinstance(item, list | tuple):
                        found.extend(inner for inner in item if isinstance(inner, torch.Tensor))
        return found

    def sides(self) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
        """All tensor arguments as (signals, parameters, constants)."""
        parts: dict[Side, list[torch.Tensor]] = {"signal": [], "parameter": [], "constant": []}
        for tensor in self.tensors():
            parts[self.side(tensor)].append(tensor)
        return parts["signal"], parts["parameter"], parts["constant"]


@dataclass
class Seen:
    """An op file's answer: the op's name and kind, its signal operands in order, the parameters it used, plain facts.

    `starts` marks ops that make a signal even when no operand is one (a convolution over learned queries). `beside` are tensors that steer the op
    and are no operand of it, such as a bias of attention logits, which may be −∞: where they are signals, the node's options name who made them.
    """

    op: str
    kind: Kind
    signals: list[torch.Tensor]
    operands: list[Operand] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    unit_axis: int | None = None
    starts: bool = False
    beside: Mapping[str, torch.Tensor] = field(default_factory=dict)


Describe = Callable[[Call], Seen]


def signal_first(call: Call, seen: Seen) -> Seen:
    """Fill in the first positional tensor as the signal, whatever its side, for ops that start a signal."""
    first = next((t for t in call.tensors()), None)
    seen.signals = [first] if first is not None else []
    seen.starts = True
    return seen


def bias_operand(bias: Any) -> list[Operand]:
    """The bias as an operand, or nothing."""
    return [Operand(bias, "bias", None, 0)] if isinstance(bias, torch.Tensor) else []
