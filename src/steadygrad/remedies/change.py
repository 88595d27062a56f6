"""`Change`: what a remedy did, in words, and how to take it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch


@dataclass
class Change:
    """New values for named tensors of a model; nothing is written before `apply()`.

    Attributes:
        remedy: name of the remedy.
        reason: one sentence.
        details: parameter name → what it gets, in words.
    """

    remedy: str
    reason: str
    details: Mapping[str, str]
    _targets: list[tuple[torch.Tensor, torch.Tensor]] = field(repr=False)
    _before: list[torch.Tensor] = field(default_factory=list, repr=False)

    def apply(self) -> "Change":
        """Write the new values; a second call does nothing."""
        if not self._before:
            self._before = [target.detach().clone() for target, _ in self._targets]
            with torch.no_grad():
                for target, value in self._targets:
                    target.data.copy_(value)
        return self

    def undo(self) -> None:
        """Put every bit back as it was before `apply()`; without one, does nothing."""
        with torch.no_grad():
            for (target, _), before in zip(self._targets, self._before, strict=False):
                target.data.copy_(before)
        self._before = []
