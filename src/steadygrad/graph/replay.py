"""Run a model whose ops are known, and see each measured result again without describing it again."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from steadygrad.graph.op_mode import OpMode, tensors_of


class Replay(OpMode):
    """Follows a script while the model runs; hands over the first floating result of each op that made a wanted node.

    When the model does something else than the script says (control flow that depends on data, another mode), `departed`
    names the first op that differs and nothing more is handed over: trace it again.

    Args:
        script: (name, node index) of every op, as a `Tracer` wrote it.
        wanted: indices of the nodes somebody wants to see.
        produced: called with (node index, tensor).
    """

    def __init__(self, script: Sequence[tuple[str, int]], wanted: frozenset[int], produced: Callable[[int, torch.Tensor], None]) -> None:
        super().__init__()
        self.departed = ""
        self._steps = [(name, index if index in wanted else None) for name, index in script]
        self._produced = produced
        self._at = 0

    def restart(self) -> None:
        """From the first op again."""
        self._at, self.departed = 0, ""

    @property
    def finished(self) -> bool:
        """Whether the whole script was followed."""
        return self._at == len(self._steps) and not self.departed

    def ran(self, function: Any, name: str, args: tuple[Any, ...], kwargs: Any, output: Any) -> None:
        """The next op of the script."""
        if self.departed:
            return
        if self._at == len(self._steps) or self._steps[self._at][0] != name:
            self.departed = f"op {self._at} is `{name}`"
            return
        index = self._steps[self._at][1]
        self._at += 1
        if index is not None:
            tensor = output if isinstance(output, torch.Tensor) else next(t for t in tensors_of(output) if t.is_floating_point() or t.is_complex())
            self._produced(index, tensor)
